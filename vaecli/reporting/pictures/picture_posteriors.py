"""The mean of q(z|x) against that of the exact p(z|x) while methods train (He et al. 2019, figure 3).

A point is a sentence. On the dashed diagonal the encoder tells what the model's own posterior says. On the horizontal
line through 0 it lags: the decoder uses z, and the encoder says nothing of it. At the origin both have collapsed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.files import write_output
from vaecli.reporting.pictures.label_layout import FONT, literal
from vaecli.reporting.pictures.picture_style import CYCLE, SHAPES, WIDTH, new_figure
from vaecli.reporting.pictures.posterior_paths import PosteriorPath, frames, moments

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray
    from PIL.Image import Image

    Floats = NDArray[np.float64]

ONE_COLUMN = 6
"""Methods below each other, from the next on in two columns."""

FULL = 24
"""Methods with all moments, from the next on with `FEW_MOMENTS` in `FEW_COLUMNS`, so that the picture stays a page."""

FEW_MOMENTS, FEW_COLUMNS = 3, 4

LIMITS = (1.0, 3.0)
"""The end of the axes at least and at most; a mean beyond is drawn at the edge."""

SHARE = 0.99
"""Of the means that the axes are to hold."""

FRAME_MS, LAST_MS = 500, 2_500
"""How long a frame is seen, and the last one."""

FRAME_DPI = 100
WIDE = 6
"""Panels beside each other in a frame, from the next on under smaller names."""

COLOURS = 48
"""Of a frame, so that the file stays small."""

TITLE = "mean of q(z|x), upwards, against that of the exact p(z|x), across; dashed: equal"


@dataclass(frozen=True)
class _Layout:
    """How the panels of a picture that doesn't move are put on its page.

    Attributes:
        moments: Panels of a method beside each other.
        columns: Methods beside each other.
        rows: Methods below each other.
        dense: Whether names stand above the panels and moments in the title.
    """

    moments: tuple[int, ...]
    columns: int
    rows: int
    dense: bool

    @classmethod
    def of(cls, paths: Sequence[PosteriorPath]) -> _Layout:
        """For these methods."""
        dense = len(paths) > FULL
        columns = FEW_COLUMNS if dense else 1 if len(paths) <= ONE_COLUMN else 2
        chosen = moments(paths, FEW_MOMENTS + 1)[1:] or moments(paths) if dense else moments(paths)
        return cls(tuple(chosen), columns, math.ceil(len(paths) / columns), dense)

    @property
    def widths(self) -> list[float]:
        """Of the columns of axes: a method's panels, a gap, the next one's."""
        panels, gap = [1.0] * len(self.moments), [0.15 if self.dense else 0.35]
        return [*panels, *(width for _ in range(self.columns - 1) for width in (*gap, *panels))]

    @property
    def size(self) -> tuple[float, float]:
        """Of the page, in inches."""
        side = WIDTH / (self.columns * (len(self.moments) + (0.25 if self.dense else 0.55)))
        return WIDTH, (side + (0.17 if self.dense else 0.0)) * self.rows + 0.1 * side + 1.0


def posteriors_figure(paths: Sequence[PosteriorPath]) -> Figure:
    """A row a method, a panel a moment; of many methods several in a row, and fewer moments."""
    layout = _Layout.of(paths)
    figure = new_figure(*layout.size)
    grid = figure.subplots(layout.rows, len(layout.widths), squeeze=False, gridspec_kw={"width_ratios": layout.widths})
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02 if layout.dense else 0.05, wspace=0.01, hspace=0.01)
    limit, names = axis_limit(paths), class_names(paths)
    for axes in grid.flat:
        axes.set_visible(False)
    for number, path in enumerate(paths):
        block, row = divmod(number, layout.rows)
        last = number == len(paths) - 1 or row == layout.rows - 1
        for column, updates in enumerate(layout.moments):
            axes = grid[row][column + block * (len(layout.moments) + 1)]
            axes.set_visible(True)
            _panel(axes, path, path.at(updates), names, limit, 1.2 if layout.dense else 2.5)
            axes.tick_params(labelbottom=last, labelleft=column == 0 and not (layout.dense and block))
            if column == 0 and layout.dense:
                axes.set_title(literal(path.label), fontsize=7, loc="left", pad=2)
            elif column == 0:
                axes.set_ylabel(_wrapped(path.label), fontsize=8)
            if row == 0 and not layout.dense:
                axes.set_title(f"{updates:,}" if column else f"{updates:,} updates", fontsize=8)
    told = ", ".join(f"{updates:,}" for updates in layout.moments)
    across = f"\n{_sentences(paths)}; of each method after {told} updates" if layout.dense else f"; {_sentences(paths)}"
    figure.suptitle(f"{TITLE}{across}", fontsize=10)
    _legend(figure, names)
    return figure


def save_animation(paths: Sequence[PosteriorPath], path: Path) -> None:
    """Writes the panels of all methods as a GIF that goes through the moments.

    Args:
        paths: Of the methods.
        path: Its suffix is ``.gif``.
    """
    from PIL.Image import Dither, Quantize

    pictures = list(_frame_pictures(paths))
    palette = pictures[-1].quantize(COLOURS, Quantize.MAXCOVERAGE)  # keeps the colour of a class of few points
    reduced = [picture.quantize(palette=palette, dither=Dither.NONE) for picture in pictures]
    drawn = io.BytesIO()
    times = [*[FRAME_MS] * (len(reduced) - 1), LAST_MS]
    reduced[0].save(drawn, format="GIF", save_all=True, append_images=reduced[1:], duration=times, loop=0)
    write_output(path, drawn.getvalue())


def _frame_pictures(paths: Sequence[PosteriorPath]) -> Iterator[Image]:
    """The panels of all methods, a picture a moment; they are laid out once, and their points are moved."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    across = min(len(paths), max(2, math.ceil(math.sqrt(1.4 * len(paths)))))
    rows = math.ceil(len(paths) / across)
    figure = new_figure(WIDTH, WIDTH / across * rows * 1.04 + 0.9)
    figure.set_dpi(FRAME_DPI)
    limit, names = axis_limit(paths), class_names(paths)
    grid = list(figure.subplots(rows, across, squeeze=False).flat)
    shown = frames(paths)
    points = [_panel(axes, path, path.at(shown[0]), names, limit, 5.0) for axes, path in zip(grid, paths, strict=False)]
    for number, (axes, path) in enumerate(zip(grid, paths, strict=False)):
        axes.set_title(literal(path.label), fontsize=8 if across <= WIDE else 6)
        if across > WIDE:
            axes.tick_params(labelleft=number % across == 0, labelbottom=number + across >= len(paths))
    for axes in grid[len(paths) :]:
        axes.set_visible(False)
    _legend(figure, names)
    canvas = FigureCanvasAgg(figure)
    title = figure.suptitle(f"{TITLE}\n", fontsize=10)
    for number, updates in enumerate(shown):
        title.set_text(f"{TITLE}\n{_sentences(paths)}, after {updates:,} updates")
        for path, own in zip(paths, points, strict=True):
            for part, places in zip(own, _places(path, path.at(updates), names, limit), strict=True):
                part.set_offsets(places)
        canvas.draw()  # type: ignore[no-untyped-call]
        if number == 0:
            figure.set_layout_engine("none")
        size = canvas.get_width_height()
        pixels = bytes(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        yield Image.frombytes("RGBA", size, pixels).convert("RGB")


def axis_limit(paths: Sequence[PosteriorPath]) -> float:
    """Where the axes of all panels end: so that nearly all means are inside, within `LIMITS`."""
    import numpy as np

    means = np.abs(np.concatenate([look.ravel() for path in paths for look in path.looks.values()]))
    return float(np.clip(1.05 * np.quantile(means, SHARE), *LIMITS))


def class_names(paths: Sequence[PosteriorPath]) -> list[str]:
    """The classes of all sentences, sorted; empty without labels."""
    return sorted({name for path in paths for name in path.classes})


def _panel(
    axes: Axes, path: PosteriorPath, look: Floats, names: Sequence[str], limit: float, size: float
) -> list[PathCollection]:
    """Draws one look; gives the points, a collection a class."""
    from matplotlib.ticker import MaxNLocator

    axes.axhline(0, color="#bbbbbb", linewidth=0.6, zorder=0)
    axes.axvline(0, color="#bbbbbb", linewidth=0.6, zorder=0)
    axes.plot((-limit, limit), (-limit, limit), color="#555555", linewidth=0.7, linestyle="--", zorder=1)
    artists = []
    for number, places in enumerate(_places(path, look, names, limit)):
        shape, colour = SHAPES[number % len(SHAPES)], CYCLE[number % len(CYCLE)]
        points = axes.scatter(places[:, 0], places[:, 1], s=size, marker=shape, color=colour, alpha=0.6, linewidth=0)
        points.set_clip_on(False)
        artists.append(points)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=3, integer=limit >= 2, symmetric=True))
    axes.tick_params(labelsize=6, length=2, pad=1)
    for side in axes.spines.values():
        side.set_linewidth(0.5)
    return artists


def _places(path: PosteriorPath, look: Floats, names: Sequence[str], limit: float) -> list[Floats]:
    """(n, 2) of each class: where its sentences are drawn, those beyond the axes at their edge."""
    import numpy as np

    inside = np.clip(look, -limit, limit)
    classes = np.array(path.classes or [""] * len(look))
    return [inside[classes == name] for name in (names or [""])]


def _wrapped(label: str) -> str:
    """A method's name, a remedy a line."""
    return literal(label).replace("+", "\n+")


def _sentences(paths: Sequence[PosteriorPath]) -> str:
    count = max(len(look) for path in paths for look in path.looks.values())
    return f"{count:,} sentences"


def _legend(figure: Figure, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles: list[Line2D] = [
        Line2D([], [], linestyle="", marker=SHAPES[n % 10], color=CYCLE[n % 10], markersize=5, label=literal(name))
        for n, name in enumerate(names)
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=FONT, frameon=False)
