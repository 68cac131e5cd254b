"""The committed tables as pictures, one an ISA and a panel a table: ours over the reference, floors and targets."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.benchmarks.machine import isa
from experiments.benchmarks.results import Results, Row, floor_ratio, load, measured
from experiments.benchmarks.targets import GPU
from vaecli.core.files import write_output
from vaecli.core.messages import counted
from vaecli.reporting.pictures.picture_style import RESOLUTION, WIDTH, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.23
"""Inches of a row's height."""

GAP = 0.8
"""Rows between the two groups of a panel."""

COLOURS = 128
"""Of a picture, which is half as large with a palette."""

MET, MISSED, GREY = "#0072b2", "#d55e00", "#777777"
"""Colours after Okabe and Ito (2008); what is met is also filled and what isn't is not."""

TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
FONT = 8


@dataclass(frozen=True)
class Mark:
    """A row as it is drawn; all figures are ratios to the reference.

    Attributes:
        name: Of the row, with the revision that it is held against where it is of two builds.
        figure: The median.
        low: Of the repeats; the figure itself where there was one.
        high: Of the repeats.
        target: What is wanted.
        at_least: Whether more is better.
        floor: What the arithmetic alone would reach on the machine; None where it isn't known.
    """

    name: str
    figure: float
    low: float
    high: float
    target: float
    at_least: bool
    floor: float | None

    @property
    def met(self) -> bool:
        """Whether the figure reaches the target."""
        return self.figure >= self.target if self.at_least else self.figure <= self.target


def marks(rows: Sequence[Row]) -> list[Mark]:
    """The rows that are ratios: first those of which more is better, then those of which less is."""
    drawn = []
    for row in rows:
        if row.reference is None:
            continue
        low, high = row.spread or (row.figure, row.figure)
        against = row.detail.get("against")
        name = f"{row.name} ({str(against)[:7]})" if against else row.name
        drawn.append(Mark(name, row.figure, low, high, row.target, row.at_least, floor_ratio(row)))
    return [*(m for m in drawn if m.at_least), *(m for m in drawn if not m.at_least)]


@dataclass(frozen=True)
class Panel:
    """What one table gives to a picture.

    Attributes:
        slug: Of the table.
        title: Machine, libraries, arithmetic; when and of which revision.
        marks: Never none.
    """

    slug: str
    title: str
    marks: tuple[Mark, ...]


def _panel(results: Results, rows: Sequence[Row], gpu: bool) -> Panel | None:
    row_marks = marks(rows)
    if not row_marks:
        return None
    m = results.machine
    limit = f", limited to {m['limit']}" if m.get("limit") else ""
    processor = f"{m['cpu']}{limit}, {counted(m['cores'], 'core')}, {counted(m['threads'], 'thread')}"
    about = f"{m['gpu']} ({processor})" if gpu else processor
    precision = "" if gpu else f", training in {results.precision}"
    title = f"{about}, torch {m['torch']}{precision}\n{measured(rows) or 'date and revision not recorded'}"
    return Panel(results.slug, title, tuple(row_marks))


def panels(tables: Sequence[Results]) -> dict[str, list[Panel]]:
    """By ISA, what is drawn; rows that a GPU measured go to a picture of their own, whatever its processor."""
    by_isa: dict[str, list[Panel]] = {}
    for table in tables:
        for gpu in (False, True):
            rows = [row for row in table.rows if row.name.endswith(f"-{GPU}") == gpu]
            panel = _panel(table, rows, gpu)
            if panel is not None:
                by_isa.setdefault(GPU if gpu else isa(table.machine), []).append(panel)
    return dict(sorted(by_isa.items()))


def figure_of(name: str, drawn: Sequence[Panel]) -> Figure:
    """The picture of an ISA: a panel below the other, on one logarithmic axis of ratios."""
    heights = [0.9 + ROW * (len(panel.marks) + GAP) for panel in drawn]
    figure = new_figure(WIDTH, 0.9 + sum(heights))
    grid = figure.subplots(len(drawn), 1, squeeze=False, sharex=True, height_ratios=heights)
    for axes, panel in zip(grid[:, 0], drawn, strict=True):
        _draw(axes, panel)
    every = [v for p in drawn for m in p.marks for v in (m.low, m.high, m.target, m.floor or m.figure)]
    low, high = min(*every, 1.0) / 1.25, max(*every, 1.0) * 1.25
    last = grid[-1, 0]
    last.set_xscale("log")
    last.set_xlim(low, high)
    shown = [tick for tick in TICKS if low <= tick <= high]
    last.set_xticks(shown, [f"{tick:g}x" for tick in shown])
    last.minorticks_off()
    last.set_xlabel(
        "ours over the reference (remedy-*: an update over a vanilla one; revision-*: over that build)", size=9
    )
    figure.suptitle(f"vae benchmarks, {name}: ratios, floors and targets", fontsize=11)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=5, fontsize=FONT, frameon=False)
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    """One table; rows from the top, a line between those of which more and those of which less is better."""
    from matplotlib.transforms import blended_transform_factory

    count, better = len(panel.marks), sum(mark.at_least for mark in panel.marks)
    right = blended_transform_factory(axes.transAxes, axes.transData)
    apart = GAP if 0 < better < count else 0
    places = [n + apart * (n >= better) for n in range(count)]
    for y, mark in zip(places, panel.marks, strict=True):
        colour = MET if mark.met else MISSED
        axes.plot([mark.low, mark.high], [y, y], color=colour, lw=4, alpha=0.35, solid_capstyle="butt", zorder=2)
        axes.scatter([mark.figure], [y], s=34, marker="o", ec=colour, fc=colour if mark.met else "white", zorder=4)
        axes.scatter([mark.target], [y], s=90, marker="|", color="black", lw=1.6, zorder=3)
        if mark.floor is not None:
            axes.scatter([mark.floor], [y], s=34, marker="D", ec=GREY, fc="white", zorder=3)
        sign = ">=" if mark.at_least else "<="
        text = f"{mark.figure:.3g}x, wanted {sign} {mark.target:g}x"
        axes.text(1.01, y, text, transform=right, va="center", fontsize=FONT, color=colour)
    axes.axvline(1, color=GREY, lw=0.8, zorder=1)
    for first, end, words in ((0, better, "more is better"), (better, count, "less is better")):
        if first < end:
            axes.text(
                0.995, places[first] - 0.45, words, transform=right, ha="right", size=7, style="italic", color=GREY
            )
    if apart:
        axes.axhline(better - 0.6 + apart / 2, color=GREY, lw=0.8, ls=":")
    axes.set_yticks(places, [mark.name for mark in panel.marks], fontsize=FONT)
    axes.set_ylim(places[-1] + 0.6, -0.9)
    axes.tick_params(axis="x", labelsize=FONT, labelbottom=True)
    axes.grid(axis="x", color="#e5e5e5", lw=0.6)
    axes.set_axisbelow(True)
    axes.set_title(panel.title, fontsize=9, loc="left")


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D

    dot: dict[str, Any] = {"marker": "o", "ls": "", "ms": 6}
    return [
        Line2D([], [], color=MET, label="target met", **dot),
        Line2D([], [], color=MISSED, mfc="white", label="target missed", **dot),
        Line2D([], [], color=GREY, lw=4, alpha=0.5, label="range of the repeats"),
        Line2D([], [], color="black", marker="|", ls="", ms=10, mew=1.6, label="target"),
        Line2D([], [], color=GREY, marker="D", mfc="white", ls="", ms=6, label="floor: the products alone"),
    ]


def values(drawn: Sequence[Panel]) -> str:
    """Everything that a picture shows, as the JSON that its file holds too."""
    return json.dumps([[panel.slug, panel.title, [vars(mark) for mark in panel.marks]] for panel in drawn])


def picture_name(name: str) -> str:
    """The file of an ISA's picture."""
    return f"ratios-{name}.png"


def draw_all(tables: Path, folder: Path) -> list[str]:
    """Draws the pictures of the JSON tables in a folder, and removes those of an ISA that has no table any more.

    Returns:
        The ISAs.
    """
    by_isa = panels([load(path) for path in sorted(tables.glob("*.json"))])
    for old in folder.glob(picture_name("*")):
        if old.name not in map(picture_name, by_isa):
            old.unlink()
    for name, drawn in by_isa.items():
        write_output(folder / picture_name(name), picture(name, drawn))
    return list(by_isa)


def picture(name: str, drawn: Sequence[Panel]) -> bytes:
    """A PNG of an ISA, with the `values` that it shows in it."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    whole, small, told = io.BytesIO(), io.BytesIO(), PngInfo()
    figure_of(name, drawn).savefig(whole, format="png", dpi=RESOLUTION)
    told.add_text("Description", values(drawn))
    with Image.open(whole) as image:
        coloured = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        coloured.save(small, "PNG", optimize=True, pnginfo=told, dpi=(RESOLUTION, RESOLUTION))
    return small.getvalue()


def picture_values(path: Path) -> str:
    """The `values` that a picture was drawn of."""
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return str(image.info["Description"])
