"""Advice on short Yelp beside every method there: ``python -m experiments.advice.held_in_grid``.

`before_grid.json` is what ``vae advise --data DIR --epochs 8 --top 58 --json`` said before any row of ``vae reproduce
yelp-short`` was run, whose shared protocol has each method at its default settings. So the question here is which
methods to take, and the advised value of a knob may be another than the one that was run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from experiments.advice.held import BASELINE, HERE, Held, held, rank
from experiments.atlas.early import Rate
from vaecli.reporting.predictions import most
from vaecli.runs.statistics import Interval, interval

ADVICE = HERE / "before_grid.json"
RESULTS = HERE.parent / "papers" / "yelp-short" / "results.csv"

A_NAT = 1.0
"""Information from which on its price is more than the chance of a seed."""

SHOWN = 10
"""Methods of the advice, and of the grid, that are shown."""


def shared_trials(results: pd.DataFrame) -> pd.DataFrame:
    """The trials under the shared protocol that are done.

    Args:
        results: A row a trial, under any protocol.
    """
    return results[(results["training_protocol"] == "shared") & (results["status"] == "done")]


def shared_means(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each method under the shared protocol: the verdict of most seeds, mi and neg_elbo as means over them.

    Args:
        results: A row a trial, under any protocol.
    """
    rows = [
        {
            "method": method,
            "verdict": most(part["verdict"].fillna("").astype(str)),
            "mi": float(part["mi"].mean()),
            "neg_elbo": float(part["neg_elbo"].mean()),
        }
        for method, part in shared_trials(results).groupby("method", sort=False)
    ]
    return pd.DataFrame(rows).dropna(subset=["mi", "neg_elbo"])  # lm has no code, and ae no bound


def everyone(advice: dict[str, Any], means: pd.DataFrame) -> list[Held]:
    """The advised methods that were run, in the order of the advice, and behind them the others with position 0."""
    advised = held(advice, means)
    floor = float(means.loc[means["method"] == BASELINE, "neg_elbo"].iloc[0])
    known = {m.method for m in advised} | {BASELINE}
    nan = float("nan")
    others = [
        Held(0, row["method"], nan, (nan, nan), row["verdict"], row["mi"], row["neg_elbo"] - floor)
        for row in means.to_dict("records")
        if row["method"] not in known
    ]
    return [*advised, *others]


def brier(methods: Sequence[Held], chances: Sequence[float]) -> float:
    """Mean squared error of chances of `informative`."""
    return sum((c - m.informs) ** 2 for m, c in zip(methods, chances, strict=True)) / len(methods)


def difference(methods: Sequence[Held], share: float) -> Interval:
    """By how much the squared errors of the chances are below those of one share, method by method, with their spread.

    Args:
        methods: With a chance each.
        share: Said of all of them.
    """
    gaps = interval([(share - m.informs) ** 2 - (m.chance - m.informs) ** 2 for m in methods])
    assert gaps is not None
    return gaps


def page_lines(advice: dict[str, Any], results: pd.DataFrame) -> str:
    """The table and what follows from it, in Markdown."""
    means = shared_means(results)
    methods = everyone(advice, means)
    advised = [m for m in methods if m.position]
    ranks = {m.method: rank(methods, m) for m in methods}
    first, top = advised[0], advised[:SHOWN]
    informing = [m for m in methods if m.informs]
    inside = sum(m.inside for m in advised)
    share = sum(m.informs for m in advised) / len(advised)
    error, constant = brier(advised, [m.chance for m in advised]), brier(advised, [share] * len(advised))
    gap = difference(advised, share)
    told_gap = ""
    if gap.low is not None:
        ends = f"{gap.low:z.3f} to {gap.high:z.3f}, 95 %, as of independent methods"
        told_gap = f" (method by method {gap.mean:z.3f} less, {ends})"
    number = ranks[first.method]
    best = sorted(informing, key=lambda m: ranks[m.method])
    told = [m for m in best if m.mi >= A_NAT]
    among = next((n for n, m in enumerate(told, 1) if m is first), 0)
    seeds = shared_trials(results)["seed"].nunique()
    shown = [*top, *(m for m in best[:SHOWN] if m not in top)]
    return "\n".join(
        [
            f"Of {len(methods)} methods besides `{BASELINE}` ({seeds} seed{'s' if seeds > 1 else ''}), "
            f"{len(informing)} inform. By information per nat of price the best three are "
            f"{', '.join(f'`{m.method}`' for m in best[:3])}; the first choice of the advice, `{first.method}`, is "
            f"{f'number {number}' if number else 'not among those that inform'}. A small price is mostly chance: of "
            f"the {len(told)} that tell a nat at least, {', '.join(f'`{m.method}`' for m in told[:3])} lead, and the "
            f"first choice is {f'number {among}' if among else 'not among them'}.",
            f"Of its first {len(top)} choices {sum(m.informs for m in top)} inform, of all {len(advised)} that it "
            f"has a row for {sum(m.informs for m in advised)}. Its chances have a Brier score of {error:.3f}, the "
            f"share of those that inform, known only afterwards, {constant:.3f}"
            f"{told_gap}. The 80 % interval of mi holds "
            f"{Rate(inside, len(advised))}.",
            "",
            "| advised | method | chance | mi, as told | verdict, as obtained | mi | price | number |",
            "|---:|---|---:|---|---|---:|---:|---:|",
            *(_line(m, ranks[m.method]) for m in shown),
        ]
    )


def _line(m: Held, number: int) -> str:
    told = f"{m.position} | `{m.method}` | {100 * m.chance:.0f} % | {m.interval[0]:z.2f} to {m.interval[1]:z.2f}"
    head = told if m.position else f"- | `{m.method}` | - | -"
    return f"| {head} | {m.verdict} | {m.mi:z.2f} | {m.price:+z.2f} | {number or '-'} |"


def read() -> tuple[dict[str, Any], pd.DataFrame]:
    """The committed advice and results."""
    return json.loads(ADVICE.read_text(encoding="utf-8")), pd.read_csv(RESULTS, keep_default_na=False, na_values=[""])


if __name__ == "__main__":
    print(page_lines(*read()))
