"""What all pictures share: colours that differ in greyscale too, shapes, and how a file is written."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.core.files import write_output
from vaecli.core.messages import counted, tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")

RESOLUTION = 150
"""Dots per inch of a PNG: half as many pixels again as a page has that shows it 900 wide."""

WIDTH = 9.0
"""Inches; 8 points are 11 pixels where a page shows that 900 wide."""

MARKERS: dict[str, tuple[str, str, bool]] = {
    "informative": ("o", "#0072b2", True),
    "saturated": ("^", "#8a3c7a", True),
    "unused": ("s", "#c98a00", True),
    "fake-rate": ("D", "#d55e00", True),
    "collapsed": ("o", "#555555", False),
    "seeds disagree": ("P", "#000000", True),
    "worse than uniform": ("v", "#000000", False),
    "diverged": ("X", "#000000", False),
    "no verdict": ("s", "#555555", False),
}
"""By the kind of a verdict: shape, colour (after Okabe and Ito 2008), and whether it is filled."""

CYCLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8c6d31", "#7f7f7f", "#b2df00")
"""Colours of methods and labels; those after the tenth differ in `DASHES` or `SHAPES`."""

DASHES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (6, 2, 1, 2, 1, 2)))
SHAPES = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "p")

LACKING = re.compile(r"Glyph (\d+) .*missing from")
"""How matplotlib warns of a character that its font lacks."""

TOLD_CHARACTERS = 10
"""Of the characters that a font lacks, those that are told."""


def new_figure(width: float, height: float) -> Figure:
    """A figure that no window shows, in inches."""
    import matplotlib  # half a second, for those who draw

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=RESOLUTION)


def save(figure: Figure, path: Path) -> None:
    """Writes a figure in the format of its file's suffix, the same bytes for the same figure."""
    import matplotlib

    suffix = path.suffix.lower()
    drawn = io.BytesIO()
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with matplotlib.rc_context({"svg.hashsalt": "vae", "svg.fonttype": "none"}):
        figure.savefig(drawn, format=suffix[1:], dpi=RESOLUTION, metadata=dates.get(suffix))
    write_output(path, drawn.getvalue())


@contextmanager
def told_of_characters(path: Path) -> Iterator[None]:
    """Says once, instead of matplotlib for each, which characters of names stand as boxes in a picture drawn inside.

    The font is the one that matplotlib brings, so that a picture is the same on every machine. An SVG holds its text,
    and whoever shows it has fonts of their own.

    Args:
        path: Of the picture.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", LACKING.pattern)
        yield
    missing: dict[str, None] = {}
    for warning in caught:
        if match := LACKING.match(str(warning.message)):
            missing[chr(int(match[1]))] = None
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if missing and path.suffix.lower() != ".svg":
        some = "".join(list(missing)[:TOLD_CHARACTERS]) + ("..." if len(missing) > TOLD_CHARACTERS else "")
        count = counted(len(missing), "character")
        tell(f"vae: {path}: {count} of its names ({some}) the font lacks, and stand as boxes; in a .svg they don't")
