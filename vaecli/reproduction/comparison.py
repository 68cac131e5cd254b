"""Obtained figures beside printed ones: the gap, what may be between them, and a verdict.

A gap is within if all of its 95 % interval over our seeds is what the estimator allows, above or below print if none
of it is, and unclear otherwise: seeds that differ are no reason to call a row reproduced. The gap of one seed has no
interval and is judged alone. What the estimator allows is a convention, the same for all tables: 2 % of a perplexity,
the same of an NLL in nats (log 1.02 times the tokens of a sentence), 1 nat of KL and mutual information, 2 active
units. Papers print no deviations. A likelihood over other tokens than ours has a gap and no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from vaecli.catalogue.published import settings_of
from vaecli.core.errors import UsageError, listed
from vaecli.metrics.ceilings import BOUNDED, at_ceiling, ceiling_columns
from vaecli.remedies import make_method
from vaecli.reproduction.paper_tables import SHOWN, PaperTable, Printed, printed_figures, published_rows
from vaecli.runs.groups import PROTOCOL, Group, finished, grouped, rows_of, table_words
from vaecli.runs.statistics import Interval, defined, interval
from vaecli.settings.protocols import PUBLISHED, SHARED, as_published

if TYPE_CHECKING:
    import pandas as pd

PERPLEXITY_SHARE, NATS, UNITS = 0.02, 1.0, 2.0

ALONE = "no annealing"
"""Words of a row's setting in print that say that the method's companions are not in it."""

TRAIN = "train"
"""A part of a row's setting in print: its figures are of that split, where those of all other rows are of test."""
OTHER_DECODER = "Transformer decoder"
"""Words of a row's setting that name a decoder which no method here has."""

Verdict = Literal["within", "above", "below", "unclear", ""]


def bound_gap(trials: pd.DataFrame) -> list[float]:
    """neg_elbo less the true -log p(x) of the same sentences, which is iw_nll - excess_nll; nats per sentence."""
    return [float(value) for value in trials["neg_elbo"] - (trials["iw_nll"] - trials["excess_nll"])]


DERIVED: Mapping[str, tuple[tuple[str, ...], Callable[[pd.DataFrame], list[float]]]] = {
    "bound_gap": (("neg_elbo", "iw_nll", "excess_nll"), bound_gap)
}
"""Figures that are no columns of the results: the columns that they are made of, and how."""

LIKELIHOODS = ("iw_nll", "neg_elbo", "rec", *DERIVED)
"""Figures in nats of the text of a sentence."""


@dataclass(frozen=True)
class Compared:
    """A figure of a row, obtained and printed.

    Attributes:
        row: Whose figure it is.
        column: Which.
        obtained: Over the seeds; None where no trial is done.
        printed: None where there is nothing in print.
        allowed: What the estimator allows of a gap; None without seeds or print, where the results don't tell, or where
            the source counts other tokens.
        epochs: That the row was trained for at most, of those that the table has; None where that isn't known.
        at_least: Whether a seed's figure is at its ceiling, so that the truth may be anything larger.
    """

    row: str
    column: str
    obtained: Interval | None
    printed: Printed | None
    allowed: float | None
    epochs: tuple[int, int] | None = None
    at_least: bool = False

    @property
    def gap(self) -> float | None:
        """Obtained less printed."""
        return None if self.obtained is None or self.printed is None else self.obtained.mean - self.printed.value

    @property
    def verdict(self) -> Verdict:
        """Whether the gap is within what is allowed; empty where there is none, and below print at a ceiling."""
        if self.gap is None or self.allowed is None or self.obtained is None:
            return ""
        half = self.obtained.half or 0.0
        if abs(self.gap) + half <= self.allowed:
            return "within"
        if self.gap < 0 and self.at_least:
            return ""
        if abs(self.gap) - half <= self.allowed:
            return "unclear"
        return "above" if self.gap > 0 else "below"


def tolerance(column: str, printed: float, tokens_per_sentence: float | None) -> float | None:
    """What the estimator of a figure allows, in the figure's unit; see the module.

    Args:
        column: Of the figure.
        printed: The figure.
        tokens_per_sentence: None where that isn't known, which leaves what is allowed of an NLL unknown too.

    Raises:
        UsageError: No paper's figure is of this column.
    """
    if column.startswith("ppl"):
        return PERPLEXITY_SHARE * printed
    if column in LIKELIHOODS:
        return None if tokens_per_sentence is None else math.log1p(PERPLEXITY_SHARE) * tokens_per_sentence
    if column in ("kl", "mi", "mi_batch"):
        return NATS
    if column == "au":
        return UNITS
    raise UsageError(f"nothing in print compares with {column!r}")


def of_text(column: str) -> bool:
    """Whether a figure is a likelihood of the text, so that it depends on what counts as a token."""
    return column.startswith("ppl") or column in LIKELIHOODS


def obtained(trials: pd.DataFrame, column: str) -> Interval | None:
    """A figure over finished trials; None where it has none."""
    parts, make = DERIVED.get(column, ((column,), lambda frame: list(frame[column])))
    if not set(parts) <= set(trials.columns):
        return None
    known = trials.dropna(subset=list(parts))
    return interval(make(known)) if len(known) else None


def sentence_length(trials: pd.DataFrame) -> float | None:
    """Mean tokens of a sentence; None where no trial says how many sentences and tokens it was measured on."""
    if not {"tokens", "sentences"} <= set(trials.columns):
        return None
    pairs = zip(trials["tokens"], trials["sentences"], strict=True)
    known = [tokens / sentences for tokens, sentences in pairs if len(defined([tokens, sentences])) == 2 and sentences]
    return math.fsum(known) / len(known) if known else None


def reaches_ceiling(trials: pd.DataFrame, column: str) -> bool:
    """Whether a figure of one of these trials is at its ceiling, so that their mean measures nothing."""
    return column in BOUNDED and any(at_ceiling(row, column) for row in rows_of(trials, ceiling_columns(column)))


def compared(
    row: str,
    trials: pd.DataFrame,
    printed: Sequence[Printed],
    epochs: tuple[int, int] | None = None,
    shown: Sequence[str] = SHOWN,
) -> list[Compared]:
    """The figures of one row: those in print, or those of some columns where there are none.

    Args:
        row: Its name for displays.
        trials: Its trials, whatever their status.
        printed: What papers print for it.
        epochs: Planned, and the table's own.
        shown: These columns.
    """
    done = finished(trials)
    if not printed:
        return [Compared(row, c, obtained(done, c), None, None, epochs, reaches_ceiling(done, c)) for c in shown]
    lines = []
    length = sentence_length(done)
    for figure in printed:
        measured = obtained(done, figure.column)
        comparable = figure.same_tokens or not of_text(figure.column)
        allowed = tolerance(figure.column, figure.value, length) if measured is not None and comparable else None
        most = reaches_ceiling(done, figure.column)
        lines.append(Compared(row, figure.column, measured, figure, allowed, epochs, most))
    return lines


def compare_table(
    table: PaperTable, frame: pd.DataFrame, epochs: Mapping[str, int], planned: Mapping[str, int]
) -> list[Compared]:
    """All figures of a table's rows that are in some results.

    Args:
        table: The table.
        frame: A row a trial; the column `experiment` is the row's name.
        epochs: By row, as run.
        planned: By row, as the table has them.
    """
    lines = []
    for row in table.rows:
        if row.name in epochs:
            both = (epochs[row.name], planned[row.name])
            for label, trials in told_apart(row.label, frame[frame["experiment"] == row.name]):
                lines += compared(label, trials, row.printed, both, table.shown)
    return lines


def told_apart(label: str, trials: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The trials of a row that may be averaged, each with a label: two protocols or variants never are.

    Args:
        label: Of the row, which is enough where all of its trials may be.
        trials: A row a trial; none is one part.
    """
    groups = grouped(trials)
    if len(groups) < 2:
        return [(label, trials)]
    protocols = [str(group.key.get(PROTOCOL, SHARED)) for group in groups]
    kinds = len(set(protocols))
    lines = []
    for protocol, group in zip(protocols, groups, strict=True):
        own = [part for part in group.difference.split(", ") if part and part != protocol]
        parts = [*([protocol] if kinds > 1 else []), *(own if kinds < len(groups) else [])]
        lines.append((f"{label} ({', '.join(parts) or group.label})", group.trials))
    return lines


def same_corpus(dataset: str, corpus: str) -> bool:
    """Whether a corpus bears the name of a published one: PTB is ``ptb``."""
    return _plain(dataset) == _plain(corpus)


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def compare_published(frame: pd.DataFrame) -> list[Compared]:
    """What papers print for the methods of some results on the same corpus, beside the results.

    Rows in print of another split, of a decoder that no method has, or that name another value of a hyper-parameter
    than ours are left out. A method that was trained as its paper has it, with what the paper always uses beside it, is
    also what tables call by its name alone.

    Args:
        frame: A row a trial.

    Raises:
        UsageError: There are no such figures.
    """
    groups, rows = labelled(frame), published_rows()
    lines = [line for label, group in groups for line in _published(label, group, rows)]
    if not lines:
        raise UsageError(_why_nothing([group for _, group in groups], rows))
    return lines


def labelled(frame: pd.DataFrame) -> list[tuple[str, Group]]:
    """The trials that may be averaged, each with the label that a comparison of several tables calls them by.

    Args:
        frame: A row a trial.
    """
    groups = grouped(frame)
    words = zip(groups, table_words(groups), strict=True)
    return [(f"{group.label}, {table}" if table else group.label, group) for group, table in words]


def _why_nothing(groups: Sequence[Group], rows: Sequence[Mapping[str, Any]]) -> str:
    """Why nothing in print compares with some results, and what would."""
    corpora = sorted({str(group.key.get("corpus") or "") for group in groups} - {""})
    if not corpora:
        return "these results don't name their corpus (column 'corpus'), by which figures in print are found"
    there = [row for row in rows if any(same_corpus(row["dataset"], corpus) for corpus in corpora)]
    if there:
        ours = listed(dict.fromkeys(group.method for group in groups))
        theirs = listed(sorted({row["method"] for row in there}))
        return (
            f"nothing in print on {', '.join(corpora)} is of {ours} at these settings; in print there: {theirs} "
            "(`vae methods NAME` has the figures and settings)"
        )
    datasets = sorted({row["dataset"] for row in rows})
    return (
        f"nothing in print is of these methods on {', '.join(corpora)}; the published figures are of "
        f"{', '.join(datasets)}, and a corpus is known by the name of its folder"
    )


def other_setting(group: Group, row: Mapping[str, Any]) -> bool:
    """Whether a row in print names a hyper-parameter's value that isn't ours."""
    told = dict(part.partition("=")[::2] for part in str(group.key.get("variant") or "").split(", ") if part)
    for remedy, key, value in settings_of(row):
        ours = told.get(f"{remedy}.{key}", make_method(group.method).hyper[remedy][key])
        known = defined([ours])
        if not known or not math.isclose(known[0], value):
            return True
    return False


def other_figures(group: Group, row: Mapping[str, Any]) -> bool:
    """Whether a row in print is of another split than a group's trials, or of a decoder that no method has."""
    setting: str = row.get("setting", "")
    is_train = TRAIN in setting.split("; ")
    return OTHER_DECODER in setting or is_train != (str(group.key.get("split") or "") == TRAIN)


def same_method(group: Group, row: Mapping[str, Any]) -> bool:
    """Whether a row in print is of a group's method, by its name or by what is trained under it as published."""
    method: str = row["method"]
    if method == group.method:
        return True
    is_published = str(group.key.get(PROTOCOL) or SHARED) == PUBLISHED
    return is_published and ALONE not in row.get("setting", "") and as_published(method) == group.method


def _published(label: str, group: Group, rows: Iterable[Mapping[str, Any]]) -> list[Compared]:
    """The rows in print of a group's method and corpus, each with its name, if that is another, and setting.

    Args:
        label: Of the group.
        group: Some trials.
        rows: In print.
    """
    corpus = str(group.key.get("corpus"))
    lines = []
    for row in rows:
        alike = same_corpus(row["dataset"], corpus) and same_method(group, row) and not other_figures(group, row)
        if alike and not other_setting(group, row):
            named = f", printed as {row['method']}" if row["method"] != group.method else ""
            setting = named + (f", {row['setting']}" if "setting" in row else "")
            figures = [replace(f, source=f.source + setting) for f in printed_figures(row)]
            lines += compared(label, group.trials, figures) if figures else []
    return lines
