"""Guesses made before experiments were run, and those that printed figures make by a rule.

``python -m experiments.predictions --dataset PTB --methods vanilla,linear_anneal,free_bits,bn`` prints what the rows of
`vaecli/catalogue/published.toml` would have one expect of methods: no judgement enters, and no result of ours.

- verdict: the one that most rows with a KL have; kl and mi below 0.1 are collapsed and 1 nat of KL of which less than a
  quarter is mi is a fake rate, as `vaecli.metrics.verdict` has it; a row without mi is judged by its KL alone.
- confidence: (rows with that verdict + 1) / (rows + 2), Laplace's rule of succession, so that one row is sure at 67 %.
- kl and mi: medians of the rows that print them.

Where the rows of a method on the dataset decide nothing, since none has a KL or two verdicts are as frequent, its rows
on all datasets count.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from vaecli.catalogue.published import figures_of, subjects
from vaecli.metrics.verdict import COLLAPSED, FAKE_KL, FAKE_SHARE

FIGURES = ("kl", "mi")


def verdict_of(row: Mapping[str, Any]) -> str:
    """The verdict of a printed row that has a KL.

    Args:
        row: Of a paper's table; kl and mi in nats per sentence.
    """
    kl, mi = float(row["kl"]), row.get("mi")
    if kl < COLLAPSED or (mi is not None and mi < COLLAPSED):
        return "collapsed"
    return "fake-rate" if kl >= FAKE_KL and mi is not None and mi < FAKE_SHARE * kl else "informative"


def expectation(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What printed rows of a method would have one expect; None without a KL, or where two verdicts are as frequent."""
    judged = [row for row in rows if "kl" in row]
    counts = Counter(verdict_of(row) for row in judged).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    word, count = counts[0]
    figures = {name: [float(row[name]) for row in rows if name in row] for name in FIGURES}
    return {
        "verdict": word,
        "confidence": round((count + 1) / (len(judged) + 2), 2),
        **{name: round(median(values), 2) if values else "" for name, values in figures.items()},
    }


def rows_about(method: str, datasets: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """The printed rows of a remedy by itself or beside a KL weight, on some datasets or on all."""
    wanted = None if datasets is None else set(datasets)
    rows = [row for row in figures_of(method) if row["method"] == method or subjects(row["method"]) == {method}]
    return [row for row in rows if wanted is None or row["dataset"] in wanted]


def predictions(methods: Sequence[str], datasets: Iterable[str] | None = None) -> str:
    """The file of predictions of methods, without those that nothing is in print of."""
    wanted = None if datasets is None else list(datasets)
    by_method = {m: expectation(rows_about(m, wanted)) or expectation(rows_about(m)) for m in methods}
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ["method", "verdict", "confidence", *FIGURES], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"method": method} | row for method, row in by_method.items() if row is not None)
    return stream.getvalue()
