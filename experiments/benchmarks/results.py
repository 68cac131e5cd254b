"""The table: rows with their targets, as JSON and Markdown, and the comparison with the committed one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from experiments.benchmarks.timing import Pairs
from vaecli.core.files import write_atomic

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README = HERE / "README.md"
BEGIN, END = "<!-- results: begin (written by --readme) -->", "<!-- results: end -->"
PICTURES = "<!-- pictures: begin (written by --readme) -->", "<!-- pictures: end -->"

TOLERANCE = 0.15
"""A ratio this much worse than the committed one is reported as fallen."""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        name: What ``--only`` selects.
        title: A few words.
        unit: Of `reference` and `ours`.
        reference: The reference's figure; None where the target is absolute.
        ours: Our figure.
        figure: What is held against the target: a ratio, or `ours` where the target is absolute.
        target: The least figure that is wanted, or the largest one.
        at_least: Which of the two it is.
        spread: Smallest and largest figure of the repeats.
        repeats: How many there were.
        detail: Anything else worth keeping.
        date: Of the measurement, in UTC; empty where it wasn't kept.
        revision: Of this program that was measured.
    """

    name: str
    title: str
    unit: str
    reference: float | None
    ours: float
    figure: float
    target: float
    at_least: bool = True
    spread: tuple[float, float] | None = None
    repeats: int = 1
    detail: Mapping[str, float | str] = field(default_factory=dict)
    date: str = ""
    revision: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure reaches the target."""
        return self.figure >= self.target if self.at_least else self.figure <= self.target

    @property
    def gain(self) -> float | None:
        """The ratio, larger being better; None for an absolute figure, which no other machine's can be held against."""
        if self.reference is None:
            return None
        return self.figure if self.at_least else 1 / self.figure

    @property
    def wanted(self) -> str:
        """The target in words, such as ``>= 4x`` or ``<= 0.3 s``."""
        return f"{'>=' if self.at_least else '<='} {self.target:g}{f' {self.unit}' if self.reference is None else 'x'}"


def paired_row(
    name: str,
    title: str,
    pairs: Pairs,
    work: tuple[float, float],
    unit: str,
    target: float,
    detail: Mapping[str, float | str] | None = None,
) -> Row:
    """A row of rates: work done in each run over its seconds, the figure being the median of the pairs' ratios.

    Args:
        name: Of the row.
        title: Of the row.
        pairs: Seconds.
        work: Units that a run of the reference does, and one of ours.
        unit: Such as ``tokens/s``.
        target: The least ratio of the rates.
        detail: See `Row`.
    """
    ratios = [speedup * work[1] / work[0] for speedup in pairs.speedups]
    return Row(
        name=name,
        title=title,
        unit=unit,
        reference=work[0] / median(pairs.reference),
        ours=work[1] / median(pairs.ours),
        figure=median(ratios),
        target=target,
        spread=(min(ratios), max(ratios)),
        repeats=len(ratios),
        detail=detail or {},
    )


@dataclass(frozen=True)
class Results:
    """What a run of the benchmarks gives.

    Attributes:
        slug: File name without its ending.
        machine: What `machine.describe` says.
        precision: Of our training.
        rows: In the order measured.
    """

    slug: str
    machine: Mapping[str, Any]
    precision: str
    rows: tuple[Row, ...]


def merged(old: Results, new: Results) -> Results:
    """The rows of both in the order of the old, the new ones in place of old ones of the same name."""
    fresh = {row.name: row for row in new.rows}
    rows = [fresh.pop(row.name, row) for row in old.rows]
    return replace(new, rows=(*rows, *fresh.values()))


def number(value: float | None) -> str:
    """A figure with three or four digits that count."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _cells(row: Row) -> list[str]:
    mark = "" if row.reference is None else "x"
    low, high = row.spread or (row.figure, row.figure)
    return [
        row.name,
        row.title,
        number(row.reference),
        number(row.ours),
        row.unit,
        f"{row.figure:.3g}{mark}",
        f"{low:.3g}-{high:.3g}",
        row.wanted,
        "yes" if row.met else "no",
    ]


HEADER = ("row", "what", "reference", "ours", "unit", "figure", "range", "target", "met")
FLOOR_HEADER = ("row", "MFLOP a token", "GEMM GFLOP/s", "floor tokens/s", "achieved fraction", "floor / reference")


def floor_ratio(row: Row) -> float | None:
    """The rate that the arithmetic alone would reach, over the reference's; None where it wasn't measured."""
    floor = row.detail.get("floor_tokens_per_s")
    return None if floor is None or row.reference is None else float(floor) / row.reference


def _floor_cells(row: Row) -> list[str] | None:
    ratio = floor_ratio(row)
    if ratio is None:
        return None
    speed = next(v for k, v in row.detail.items() if k.startswith("gemm_"))
    known = (row.detail[key] for key in ("floor_tokens_per_s", "fraction_of_floor"))
    return [row.name, *(number(float(value)) for value in (row.detail["mflop_per_token"], speed, *known, ratio))]


def measured(rows: Iterable[Row]) -> str:
    """When some rows were measured, and of which revisions; empty where none of them says."""
    told = list(rows)
    dates = sorted({row.date for row in told if row.date})
    revisions = list(dict.fromkeys(row.revision for row in told if row.revision))
    when = f"measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))}" if dates else ""
    which = f"{'revision' if len(revisions) == 1 else 'revisions'} {', '.join(revisions)}" if revisions else ""
    return ", ".join(part for part in (when, which) if part)


def tables(rows: Sequence[Row]) -> list[Table]:
    """The rows for a terminal, and the floors of those that have one."""
    floors = [cells for row in rows if (cells := _floor_cells(row))]
    result = []
    for title, header, lines in (("", HEADER, [_cells(row) for row in rows]), ("floors", FLOOR_HEADER, floors)):
        table = Table(*header, title=title)
        for line in lines:
            table.add_row(*line)
        if lines:
            result.append(table)
    return result


def _markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    body = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in body)


def to_markdown(results: Results) -> str:
    """The machine, the rows, their floors and their details."""
    m = results.machine
    flags = ", ".join(m["flags"]) or "no flags of note"
    gpu = f", GPU {m['gpu']}" if m["gpu"] else ""
    limit = f", limited to {m['limit']}" if m.get("limit") else ""
    about = (
        f"{m['cpu']}, {m['cores']} cores ({flags}){limit}{gpu}; torch {m['torch']}, {m['threads']} threads, "
        f"Python {m['python']}; our training in {results.precision}"
    )
    if told := measured(results.rows):
        about += f"; {told}"
    parts = [f"### {results.slug}", about, _markdown_table(HEADER, [_cells(row) for row in results.rows])]
    floors = [cells for row in results.rows if (cells := _floor_cells(row))]
    if floors:
        parts.append(_markdown_table(FLOOR_HEADER, floors))
    return "\n\n".join(parts) + "\n"


def to_json(results: Results) -> str:
    """Everything, for `load`."""
    return json.dumps(asdict(results), indent=1) + "\n"


def load(path: Path) -> Results:
    """Results that `save` wrote."""
    data = json.loads(path.read_text(encoding="utf-8"))
    rows = [{**r, "spread": tuple(r["spread"]) if r["spread"] else None} for r in data.pop("rows")]
    return Results(**data, rows=tuple(Row(**row) for row in rows))


def save(results: Results, path: Path) -> None:
    """Writes JSON, and Markdown next to it.

    Rows of an older file that weren't measured now stay, unless it tells of another machine or version.
    """
    old = load(path) if path.exists() else None
    if old is not None and old.machine == results.machine:
        new = {row.name: row for row in results.rows}
        kept = [new.pop(row.name, row) for row in old.rows]
        results = replace(results, rows=(*kept, *new.values()))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, to_json(results))
    write_atomic(path.with_suffix(".md"), to_markdown(results))


def regressions(rows: Iterable[Row], committed: Iterable[Row], tolerance: float = TOLERANCE) -> list[str]:
    """A line for each ratio that fell by more than `tolerance` against the committed one."""
    before = {row.name: row for row in committed}
    lines = []
    for row in rows:
        old = before.get(row.name)
        gain, old_gain = row.gain, old.gain if old else None
        if old is None or gain is None or old_gain is None or gain >= (1 - tolerance) * old_gain:
            continue
        lines.append(
            f"{row.name}: {row.figure:.3g}x, committed {old.figure:.3g}x ({100 * (1 - gain / old_gain):.0f} % worse)"
        )
    return lines


def between(text: str, begin: str, end: str, body: str) -> str | None:
    """A text with something else between two of its lines; None where it lacks one of them."""
    head, begun, rest = text.partition(begin)
    _, ended, tail = rest.partition(end)
    return f"{head}{begin}\n\n{body}\n{end}{tail}" if begun and ended else None


def update_readme(readme: Path = README, folder: Path = RESULTS, pictures: Iterable[tuple[str, str]] = ()) -> None:
    """Writes all committed tables between the markers of a README, and the pictures of them between its others.

    Args:
        readme: The file.
        folder: Of the tables.
        pictures: What each one shows, and its file in the README's folder.

    Raises:
        ValueError: It lacks the markers.
    """
    tables = [to_markdown(load(path)) for path in sorted(folder.glob("*.json"))]
    images = [f"![{words}]({name})\n" for words, name in pictures]
    text = readme.read_text(encoding="utf-8")
    for (begin, end), parts in ((PICTURES, images), ((BEGIN, END), tables)):
        written = between(text, begin, end, "\n".join(parts) or "No table is committed yet.\n")
        if written is None:
            raise ValueError(f"{readme}: no place for the results; it needs the lines {begin} and {end}")
        text = written
    write_atomic(readme, text)
