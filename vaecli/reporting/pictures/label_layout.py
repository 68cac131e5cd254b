"""Names beside points so that none covers another: adjustText moves them, and what still overlaps goes on a spiral.

Points that coincide on the page, as collapsed methods do, are named together in a block, with one line to them all.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from logging import ERROR, getLogger
from typing import TYPE_CHECKING, Any

from vaecli.core.messages import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

Places = Sequence[tuple[float, float]]
"""Points in the coordinates of an axis."""

CROWD = 5
"""Points that make a crowd when each is near another of them."""

NEAR = 7.0
"""Points of the page (1/72 inch) between the middles of two markers that cover each other."""

CLEAR = 4.0
"""Points of the page between a name and the middle of any marker, whose radius is 3."""

BLOCK_WIDTH = 40
"""Characters of a line in a block of names."""

ROUNDS = 40
"""Steps of adjustText; a limit in steps and not in seconds gives the same picture on every machine."""

CROSSING = 60
"""Names up to which lines to points are kept from crossing, which takes time that grows with their square."""

FONT = 8.0


LONGEST = 64
"""Characters of a name; longer ones are cut, for a page has room for few of them."""


def literal(name: str) -> str:
    """A name that matplotlib draws as it is, not as mathematics, and not without end."""
    text = printable(name)
    return (text if len(text) <= LONGEST else text[: LONGEST - 1] + "…").replace("$", r"\$")


def crowds(places: Places, near: float = NEAR, least: int = CROWD) -> list[list[int]]:
    """The indices of points that lie on one spot: chains of neighbours, each no farther than `near` from the next.

    Args:
        places: On the page.
        near: In its unit.
        least: Members of a crowd; smaller chains are none.
    """
    left = set(range(len(places)))
    chains = []
    while left:
        chain = [left.pop()]
        for index in chain:
            close = {other for other in left if math.dist(places[index], places[other]) <= near}
            chain += sorted(close)
            left -= close
        if len(chain) >= least:
            chains.append(sorted(chain))
    return sorted(chains)


def name_points(axes: Axes, places: Places, names: Sequence[str], fixed: Sequence[Text] = ()) -> list[Text]:
    """Writes a name at each point; the layout of the figure is settled.

    Args:
        axes: Where the points are drawn.
        places: In its coordinates.
        names: One a point.
        fixed: Texts that are there already, and stay.

    Returns:
        The texts, blocks among them, in whose boxes no two overlap, as far as there is room.
    """
    on_page = [tuple(xy) for xy in axes.transData.transform(list(places))]
    scale = axes.figure.dpi / 72
    many = crowds(on_page, NEAR * scale)
    blocks = [_block(axes, [on_page[i] for i in crowd], [names[i] for i in crowd], on_page, fixed) for crowd in many]
    alone = [i for i in range(len(names)) if not any(i in crowd for crowd in many)]
    ground = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.3}
    texts = [axes.text(*places[i], names[i], fontsize=FONT, zorder=3.5, bbox=ground) for i in alone]
    _adjust(axes, texts, places, [*blocks, *fixed])
    separate(axes, texts, [on_page[i] for i in alone], on_page, [*blocks, *fixed])
    for text, index in zip(texts, alone, strict=True):
        _leader(axes, text, on_page[index])
    for block, crowd in zip(blocks, many, strict=True):
        _leader(axes, block, middle_of([on_page[i] for i in crowd]))
    return [*texts, *blocks]


def box_of(text: Text) -> Bbox:
    """What a text covers, in pixels."""
    return text.get_window_extent()


def _adjust(axes: Axes, texts: list[Text], places: Places, obstacles: Sequence[Text]) -> None:
    """Moves texts apart, from points and from obstacles, by adjustText."""
    from adjustText import adjust_text  # imports matplotlib.pyplot

    getLogger("adjustText").setLevel(ERROR)  # names that don't fit are moved below
    if texts:
        x, y = zip(*places, strict=True)
        adjust_text(
            texts,
            list(x),
            list(y),
            objects=list(obstacles) or None,
            ax=axes,
            expand=(1.1, 1.25),
            iter_lim=ROUNDS,
            prevent_crossings=len(texts) <= CROSSING,
            force_text=(0.2, 0.4),
            force_explode=(0.2, 0.6),
        )


def separate(axes: Axes, texts: Sequence[Text], targets: Places, points: Places, obstacles: Sequence[Text]) -> None:
    """Moves each text that overlaps another, a marker or the edge of the axes to the next free spot around its point.

    Args:
        axes: Where they are.
        texts: To be moved.
        targets: Pixels of the point of each.
        points: Pixels of all markers.
        obstacles: Texts that stay.
    """
    frame, scale = axes.get_window_extent(), axes.figure.dpi / 72
    settled = [box_of(text) for text in obstacles]
    waiting = [box_of(text) for text in texts]
    for n, (text, target) in enumerate(zip(texts, targets, strict=True)):
        box = waiting[n]
        others = settled + waiting[n + 1 :]
        if not _is_free(box, others, points, frame, scale):
            wanted = next(
                (moved for moved in _spiral(box, target, scale) if _is_free(moved, others, points, frame, scale)), box
            )
            _move(axes, text, box, wanted)
            box = wanted
        settled.append(box)


def _spiral(box: Bbox, target: tuple[float, float], scale: float) -> Iterator[Bbox]:
    """A box at growing distances around a point, right of it first."""
    for radius in range(5, 200, 4):
        for turn in range(24):
            angle = math.pi / 12 * (turn // 2 + 1) * (1 if turn % 2 else -1)
            x = target[0] + radius * scale * math.cos(angle)
            y = target[1] + radius * scale * math.sin(angle)
            left = x if math.cos(angle) > 0.3 else x - box.width if math.cos(angle) < -0.3 else x - box.width / 2
            yield box.translated(left - box.x0, y - box.height / 2 - box.y0)


def _is_free(box: Bbox, others: Sequence[Bbox], points: Places, frame: Bbox, scale: float) -> bool:
    """Whether a box lies in the frame, on no other and on no marker."""
    inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    wide = box.padded(CLEAR * scale)
    return inside and not any(map(box.overlaps, others)) and not any(wide.contains(*point) for point in points)


def _move(axes: Axes, text: Text, box: Bbox, wanted: Bbox) -> None:
    """Moves a text by the difference of two boxes."""
    x, y = axes.transData.transform(text.get_position())
    moved = axes.transData.inverted().transform((x + wanted.x0 - box.x0, y + wanted.y0 - box.y0))
    text.set_position((float(moved[0]), float(moved[1])))


def _block(axes: Axes, crowd: Places, names: Sequence[str], points: Places, fixed: Sequence[Text]) -> Text:
    """The names of a crowd as a paragraph, where it covers the least and is near."""
    told = f"{len(names)} on this spot: {', '.join(names)}"
    words = textwrap.fill(told, BLOCK_WIDTH, break_long_words=False, break_on_hyphens=False)
    text = axes.text(
        0,
        0,
        words,
        fontsize=FONT,
        zorder=3.5,
        linespacing=1.25,
        bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "#777777", "linewidth": 0.6},
    )
    box, frame, scale = box_of(text), axes.get_window_extent(), axes.figure.dpi / 72
    middle = [sum(values) / len(crowd) for values in zip(*crowd, strict=True)]
    taken = [box_of(other).padded(6 * scale) for other in fixed]

    def cost(spot: Bbox) -> float:
        wide = spot.padded(10 * scale)
        covered = sum(wide.contains(*point) for point in points) + 5 * sum(map(wide.overlaps, taken))
        return 1000 * covered + math.dist(middle, ((spot.x0 + spot.x1) / 2, (spot.y0 + spot.y1) / 2)) / scale

    margin, steps = 12 * scale, 24
    room = (frame.width - box.width - 2 * margin, frame.height - box.height - 2 * margin)
    corners = [
        (frame.x0 + margin + room[0] * i / steps, frame.y0 + margin + room[1] * j / steps)
        for i in range(steps + 1)
        for j in range(steps + 1)
    ]
    best = min((box.translated(x - box.x0, y - box.y0) for x, y in corners), key=cost)
    _move(axes, text, box, best)
    return text


def middle_of(crowd: Places) -> tuple[float, float]:
    """The point of a crowd that is nearest to its mean."""
    x, y = (sum(values) / len(crowd) for values in zip(*crowd, strict=True))
    return min(crowd, key=lambda point: math.dist(point, (x, y)))


def _edge(box: Bbox, point: tuple[float, float]) -> tuple[float, float]:
    """The spot of a box that is nearest to a point."""
    return min(max(point[0], box.x0), box.x1), min(max(point[1], box.y0), box.y1)


def _leader(axes: Axes, text: Text, target: tuple[float, float]) -> None:
    """A thin line from a text to its point where it isn't beside it."""
    start, scale = _edge(box_of(text), target), axes.figure.dpi / 72
    if math.dist(start, target) > 7 * scale:
        ends: Any = axes.transData.inverted().transform([start, target])
        axes.plot(*zip(*ends, strict=True), color="#222222", linewidth=0.6, zorder=3)
