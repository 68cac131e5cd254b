"""The lines below a table: what its marks mean, what failed and where to look, what was not shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.core.messages import printable
from vaecli.core.nested import flatten
from vaecli.metrics.verdict import RULE, uniform_nats
from vaecli.reporting.conclusions import contradictions, frontier, verdict_sentence
from vaecli.reporting.view import UNDEFINED, number
from vaecli.runs.groups import APART, PROTOCOL, complete, finished, grouped, rows_of
from vaecli.runs.statistics import MIN_SEEDS_FOR_TEST, defined
from vaecli.settings.protocols import NO_RECIPE, PUBLISHED, TUNED

if TYPE_CHECKING:
    import pandas as pd

POINTS = ("rec", "kl", "neg_elbo", "iw_nll", "mi")
"""Figures of which the single values are shown where seeds are few."""

BROKEN = ("failed", "diverged")
"""Statuses of trials that ended without figures."""


TrialKey = tuple[str, str, int]
"""Method, variant, empty without one, and seed."""


@dataclass(frozen=True)
class ReportContext:
    """What a report knows of an experiment besides its results.

    Attributes:
        folder: Where its run folders are; None for a bare results file.
        overrides: Settings that some methods don't share with the others, by method.
        trials: The folder of each trial and why it ended early, by method, variant and seed.
        recipes: Whose training each method has that is trained as its paper has it, or why there is none of the paper.
    """

    folder: Path | None = None
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trials: Mapping[TrialKey, tuple[Path, str]] = field(default_factory=dict)
    recipes: Mapping[str, str] = field(default_factory=dict)


def failures(frame: pd.DataFrame, context: ReportContext) -> list[str]:
    """A line for each trial that failed or diverged, with its message and its log, then one for unfinished trials."""
    if "status" not in frame.columns:
        return []
    lines = []
    for row in rows_of(frame[frame["status"].isin(BROKEN)]):
        name = str(row["method"]) + _variant_words(row) + _seed_words(row)
        why = _message(row, context)
        lines.append(f"{row['status']}: {name}" + (f": {why}" if why else "") + _log_words(row, context))
    others = Counter(str(status) for status in frame["status"] if status not in (*BROKEN, "done"))
    if others:
        lines.append("not finished: " + ", ".join(f"{count} {status}" for status, count in others.items()))
    return [printable(line) for line in lines]


def _seed(row: Mapping[Any, Any]) -> int | None:
    seeds = defined([row.get("seed")])
    return int(seeds[0]) if seeds else None


def _seed_words(row: Mapping[Any, Any]) -> str:
    seed = _seed(row)
    return "" if seed is None else f" seed {seed}"


def trial_key(row: Mapping[Any, Any]) -> TrialKey | None:
    """What tells a trial from the others of its table; None without a seed."""
    seed, variant = _seed(row), row.get("variant")
    return None if seed is None else (str(row["method"]), variant if isinstance(variant, str) else "", seed)


def _variant_words(row: Mapping[Any, Any]) -> str:
    variant = row.get("variant")
    return f" ({variant})" if isinstance(variant, str) and variant else ""


def _message(row: Mapping[Any, Any], context: ReportContext) -> str:
    """The first line of why a trial ended."""
    written, key = row.get("message"), trial_key(row)
    if not isinstance(written, str) and key is not None and key in context.trials:
        written = context.trials[key][1]
    return written.strip().split("\n")[0] if isinstance(written, str) else ""


def _log_words(row: Mapping[Any, Any], context: ReportContext) -> str:
    key = trial_key(row)
    return "" if key is None or key not in context.trials else f"; see {context.trials[key][0] / 'log.txt'}"


def version_lines(frame: pd.DataFrame) -> list[str]:
    """A line on the versions of estimators and methods in which the rows of a table differ, where they do."""
    table = complete(frame)
    if APART not in table.columns:
        return []
    methods_by_text: dict[str, list[str]] = {}
    for row in rows_of(finished(table)):
        if isinstance(row[APART], str) and row[APART]:
            methods_by_text.setdefault(row[APART], []).append(str(row["method"]))
    if len(methods_by_text) < 2:
        return []
    parts = [f"{', '.join(dict.fromkeys(methods))}: {text}" for text, methods in methods_by_text.items()]
    return [
        printable(
            "measured differently, so the figures concerned are never averaged and not to be compared: "
            + "; ".join(parts)
        )
    ]


def override_lines(methods: Sequence[str], context: ReportContext) -> list[str]:
    """A line for each method of the table that some settings of its own."""
    lines = []
    for method, settings in context.overrides.items():
        if method in methods:
            pairs = ", ".join(f"{key} = {value}" for key, value in flatten(settings).items())
            lines.append(printable(f"override {method}: {pairs}"))
    return lines


def protocol_lines(frame: pd.DataFrame, context: ReportContext) -> list[str]:
    """What other protocols than the shared one mean for a table, and which methods have no recipe."""
    if PROTOCOL not in frame.columns:
        return []
    table = complete(frame)
    lines = []
    if PUBLISHED in set(table[PROTOCOL]):
        lines.append("published: each method is trained as its paper has it, so rows differ in more than the method")
        methods = dict.fromkeys(map(str, table.loc[table[PROTOCOL] == PUBLISHED, "method"]))
        none = [name for name in methods if context.recipes.get(name, "").startswith(NO_RECIPE)]
        lines += [f"{NO_RECIPE}, trained as under the shared protocol: {', '.join(none)}"] if none else []
    if TUNED in set(table[PROTOCOL]):
        lines.append("tuned: each method has the best settings of its search, all of one budget")
    return [printable(line) for line in lines]


def frontier_line(frame: pd.DataFrame) -> list[str]:
    """The rate-distortion frontier in words, where there are two methods or more to compare."""
    names = frontier(frame)
    if not names or frame["method"].nunique() < 2:
        return []
    return [printable("rate-distortion frontier (no other method has less rec at as little kl): " + ", ".join(names))]


def point_lines(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """The single figures of each method with two to four seeds, of which an interval says little."""
    lines = []
    for group in grouped(frame):
        trials = finished(group.trials)
        if not 1 < len(trials) < MIN_SEEDS_FOR_TEST or "seed" not in trials.columns:
            continue
        figures = [
            f"{name} " + " ".join(map(_point, trials[name]))
            for name in POINTS
            if name in columns and defined(trials[name])
        ]
        if figures:
            seeds = " ".join(str(_seed(row)) for row in rows_of(trials))
            lines.append(printable(f"points of {group.label}, seeds {seeds}: {'; '.join(figures)}"))
    return lines


def _point(value: Any) -> str:
    """One seed's figure, or the sign of an undefined one so that the others stay under their seeds."""
    figures = defined([value])
    return number(figures[0], 3 if abs(figures[0]) < 10 else 2) if figures else UNDEFINED


def result_notes(
    frame: pd.DataFrame, columns: Sequence[str], spread: bool, context: ReportContext, explain: bool = False
) -> list[str]:
    """All lines below the table of one section.

    Args:
        frame: A row a trial.
        columns: Those shown.
        spread: Whether a cell has an interval.
        context: What is known besides the results.
        explain: Whether each verdict is explained, and the figures of few seeds are shown one by one.
    """
    lines = []
    points = point_lines(frame, columns) if spread else []
    if spread:
        lines.append("mean and half of the 95 % t interval over seeds")
    if points:
        lines.append(f"fewer than {MIN_SEEDS_FOR_TEST} seeds say little of the spread; --per-trial shows all figures")
    if explain:
        lines += [*points, *(verdict_lines(frame) if "verdict" in columns else [])]
    else:
        lines += more_line("verdict" in columns, bool(points))
    lines += contradictions(frame) if "verdict" in columns else []
    lines += frontier_line(frame)
    lines += protocol_lines(frame, context)
    lines += version_lines(frame)
    lines += failures(frame, context)
    return lines + override_lines([str(method) for method in frame["method"]], context)


def more_line(judged: bool, few: bool) -> list[str]:
    """What ``--explain`` would add.

    Args:
        judged: Whether the table has verdicts.
        few: Whether a method has so few seeds that its figures can be listed.
    """
    more = ["the rule of the verdicts and what decides each"] if judged else []
    more += ["the figures of each seed"] if few else []
    return [f"vae report --explain adds {' and '.join(more)}"] if more else []


def verdict_lines(frame: pd.DataFrame) -> list[str]:
    """The rule of the verdicts, and a line on each method with the figures that decide."""
    return [RULE + _bound_words(frame), *(printable(verdict_sentence(group)) for group in grouped(frame))]


def _bound_words(frame: pd.DataFrame) -> str:
    """What the rule compares with, where it is one number for all trials."""
    guesses = {nats for row in rows_of(frame) if "vocabulary" in row and (nats := uniform_nats(row)) is not None}
    ceilings = set(defined(frame["mi_ceiling"])) if "mi_ceiling" in frame.columns else set()
    words = f"; the uniform guess has {guesses.pop():.2f} nats" if len(guesses) == 1 else ""
    return words + (f"; mi_ceiling = {ceilings.pop():.2f}" if len(ceilings) == 1 else "")
