"""What the grid of short Yelp says, in Markdown: ``python -m experiments.papers.short_yelp``.

Every figure is looked up in `yelp-short/results.csv`, which ``vae reproduce yelp-short`` left: whose code knows the
sentiment, whose verdict is another than on the embedded corpus, and whose turns with the protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from experiments.protocols.side_by_side import (
    Pair,
    figure,
    has_recipe,
    head,
    names,
    pairs,
    read_grid,
    recipe_text,
    turning,
    verdicts,
    word,
)
from vaecli.catalogue.cards import families
from vaecli.catalogue.methods_table import load_remedies
from vaecli.remedies import REMEDIES
from vaecli.reporting.predictions import most
from vaecli.runs.groups import Group
from vaecli.settings.protocols import PUBLISHED, SHARED

HERE = Path(__file__).parent
RESULTS = HERE / "yelp-short" / "results.csv"
EMBEDDED = HERE.parent / "all" / "results.csv"
COMMAND = "vae reproduce yelp-short"
NOT_RUN = f"Not run yet: `{COMMAND}` makes the table."

FIGURES = ("kl", "mi", "neg_elbo", "ppl_iw", "probe_sampled", "probe_accuracy")
KNOWS, MEANS, MAJORITY, WORDS = "probe_sampled", "probe_accuracy", "probe_majority", "probe_bow"
SHOWN = 12
"""Rows of those that know the sentiment best."""

SPREAD = "±: standard deviation over seeds, of rows with several."

Side = tuple[str, Group]
"""A protocol, and the trials under it."""


def sides(rows: Iterable[Pair]) -> list[Side]:
    """The trials of all methods, under each protocol that there is."""
    both = (((SHARED, pair.shared), (PUBLISHED, pair.published)) for pair in rows)
    return [(name, group) for couple in both for name, group in couple if group is not None]


def mean(group: Group, name: str) -> float | None:
    """Over seeds; None where there is none."""
    summary = group.summary(name)
    return None if summary is None else summary.mean


def known(every: Sequence[Side], name: str) -> list[tuple[float, Side]]:
    """The rows that have a figure, with it, the largest first."""
    rows = [(value, side) for side in every if (value := mean(side[1], name)) is not None]
    return sorted(rows, key=lambda item: -item[0])


def knowing(rows: Sequence[Pair]) -> str:
    """Whose code knows the label: draws of z first, since a probe of the means reads what no draw of z carries."""
    every = sides(rows)
    ranked = known(every, KNOWS)
    if not ranked:
        return "No probe was measured."
    lines = ["| method | protocol | verdict | mi | probe of draws | probe of means |", "|---|---|---|---:|---:|---:|"]
    for _, (protocol, group) in ranked[:SHOWN]:
        cells = [word(group), *(precise(group, name) + spread(group, name) for name in ("mi", KNOWS, MEANS))]
        lines.append(f"| `{group.method}` | {protocol} | " + " | ".join(cells) + " |")
    base, words = (next(iter(known(every, name)), (None, None))[0] for name in (MAJORITY, WORDS))
    told = [] if base is None else [f"The most common label is {base:.3f} of test."]
    told += [] if words is None else [f"The same probe on the words of the sentence reads {words:.3f}."]
    told += [SPREAD] if any("±" in line for line in lines) else []
    return "\n".join([" ".join([*told, *apart(every)]), "", *lines])


def apart(every: Sequence[Side]) -> list[str]:
    """What the probes say over all rows: idle codes by their means, and whether more information is the label's.

    The latter over the shared protocol alone, where a method counts once. It has no p-value: methods are relatives of
    each other (`info_kl` and `beta_tc` are one by algebra), so they are no independent draws. How far it hangs on one
    family is told instead.
    """
    collapsed = [group for _, group in every if word(group) == "collapsed"]
    means = [value for group in collapsed if (value := mean(group, MEANS)) is not None]
    draws = [value for group in collapsed if (value := mean(group, KNOWS)) is not None]
    sentences = []
    if means and draws:
        sentences.append(
            f"Over {len(collapsed)} collapsed rows, means read {min(means):.3f} to {max(means):.3f} and draws of z "
            f"{min(draws):.3f} to {max(draws):.3f}."
        )
    table = [
        (group.method, mi, share)
        for protocol, group in every
        if protocol == SHARED and word(group) == "informative" and (mi := mean(group, "mi")) is not None
        if (share := mean(group, KNOWS)) is not None
    ]
    if len(table) > 2:
        least, most = without_a_family(table)
        sentences.append(
            f"Over {len(table)} methods that inform under the shared protocol, the rank correlation of mi and the "
            f"probe of draws is {rank_correlation(table):z.2f} (Spearman), and {least:z.2f} to {most:z.2f} without any "
            "one of their families; methods are relatives of each other, so that it has no p-value."
        )
    return sentences


Told = tuple[str, float, float]
"""A method, its mi and its probe of draws."""


def rank_correlation(table: Sequence[Told]) -> float:
    """Spearman's, of mi and the probe of draws; NaN where one of them doesn't vary."""
    return float(spearmanr([mi for _, mi, _ in table], [share for _, _, share in table]).statistic)


def without_a_family(table: Sequence[Told]) -> tuple[float, float]:
    """The least and the largest of it with one family of methods left out at a time, as far as three methods are left.

    Families are those of the README.
    """
    family = {name: title for title, own in families(load_remedies()).items() for name in own}
    kinds = dict.fromkeys(family.get(name, name) for name, *_ in table)
    parts = [[row for row in table if family.get(row[0], row[0]) != kind] for kind in kinds]
    values = [rank_correlation(part) for part in parts if len(part) > 2] or [rank_correlation(table)]
    return min(values), max(values)


def by_corpus(rows: Sequence[Pair], embedded: Sequence[Pair]) -> str:
    """The methods whose verdict of most seeds, under the shared protocol, is another than on the embedded corpus."""
    there = {pair.method: pair.shared for pair in embedded}
    changes: dict[tuple[str, str], list[str]] = {}
    same = unsure = 0
    for pair in rows:
        other = there.get(pair.method)
        if pair.shared is None or other is None or not word(pair.shared) or not word(other):
            continue
        before, now = (most(verdicts(group).values()) for group in (other, pair.shared))
        if before == now:
            same += 1
        else:
            mi = f"mi {figure(other, 'mi')}, here {figure(pair.shared, 'mi')}"
            changes.setdefault((before, now), []).append(f"`{pair.method}` ({mi})")
            unsure += len(set(verdicts(other).values())) > 1
    count = sum(map(len, changes.values()))
    told = f"{count} of {count + same} methods have another verdict here than in `experiments/all/results.csv`"
    lines = [f"{told}; of {unsure} of these, seeds disagree there already:", ""]
    return "\n".join([*lines, *(f"- {a} there, {b} here: {', '.join(own)}." for (a, b), own in changes.items())])


def table(rows: Sequence[Pair]) -> str:
    """A row a method and protocol, with its verdict and figures."""
    lines = ["| method | protocol | verdict | " + " | ".join(FIGURES) + " | its paper's training |"]
    lines.append("|---|---|---|" + "---:|" * len(FIGURES) + "---|")
    for pair in rows:
        for protocol, group in sides([pair]):
            cells = [word(group), *(precise(group, name) for name in FIGURES)]
            told = recipe_text(pair.method) if protocol == PUBLISHED else ""
            lines.append(f"| `{group.method}` | {protocol} | " + " | ".join(cells) + f" | {told} |")
    return "\n".join(lines)


def precise(group: Group, name: str) -> str:
    """Shares with three decimals, other figures with two."""
    value = mean(group, name)
    return figure(group, name) if not name.startswith("probe") or value is None else f"{value:.3f}"


def spread(group: Group, name: str) -> str:
    """`` ±0.012``, the standard deviation over seeds; nothing of one seed."""
    summary = group.summary(name)
    if summary is None or summary.sd is None:
        return ""
    return f" ±{summary.sd:.{3 if name.startswith('probe') else 2}f}"


def left(rows: Sequence[Pair]) -> str:
    """What the table doesn't have."""
    shown = {pair.method for pair in rows}
    missing = [name for name in REMEDIES if name not in shown]
    unpublished = [pair.method for pair in rows if pair.published is None and has_recipe(pair.method)]
    lines = [f"Not run yet: {names(missing)}."] if missing else []
    lines += [f"With a recipe, and not run by it yet: {names(unpublished)}."] if unpublished else []
    return " ".join(lines)


def page_lines(frame: pd.DataFrame | None, embedded: pd.DataFrame) -> str:
    """What the grid says, for the page.

    Args:
        frame: Its trials; None before it was run.
        embedded: Trials of the same methods on the embedded corpus, under the shared protocol.
    """
    if frame is None:
        return NOT_RUN
    rows = pairs(frame)
    parts = [
        " ".join(filter(None, (head(frame, rows), left(rows)))),
        "### Which codes know the sentiment",
        knowing(rows),
        "### Verdicts that turn with the corpus",
        by_corpus(rows, pairs(embedded)),
        "### Verdicts that turn with the protocol",
        "\n".join(turning(rows)) or "None.",
        "### All figures",
        table(rows),
    ]
    return "\n\n".join(parts)


def read() -> tuple[pd.DataFrame | None, pd.DataFrame]:
    """The committed trials here, and on the embedded corpus."""
    embedded = read_grid(EMBEDDED)
    assert embedded is not None
    return read_grid(RESULTS), embedded


if __name__ == "__main__":
    print(page_lines(*read()))
