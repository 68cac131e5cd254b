"""What became of the latent variable, over the seeds of a method, and the methods on the rate-distortion frontier.

The word for a single trial is that of `vaecli.metrics.verdict`, made anew from its figures: what a table says of itself
in its column `verdict` is compared with it and never shown instead.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaecli.core.messages import printable
from vaecli.metrics.verdict import DECIDING, NO_VERDICT, one_sentence, uniform_nats, verdict
from vaecli.runs.groups import Group, finished, grouped, rows_of
from vaecli.runs.statistics import defined

if TYPE_CHECKING:
    import pandas as pd

EVIDENCE = ("kl", "mi", "au", "z_gain_shuffled")
"""The figures that decide about z."""

PROBES = {
    "probe_accuracy": "off the means",
    "probe_sampled": "off draws of z",
    "probe_majority": "off the most frequent class",
}
"""The columns of probes, and what they read the labels off."""

SENTENCES = {
    "diverged": "diverged, so its figures say nothing",
    "worse than uniform": "none; with its code it predicts worse than a guess among all words",
    "collapsed": "collapsed",
    "unused": "did not collapse, but the decoder makes no use of the code",
    "fake-rate": "did not collapse, but most of its rate says nothing of the sentence",
    "saturated": "did not collapse; mi is at its ceiling and may be anything larger",
    "informative": "did not collapse",
}


JUDGED = ("done", "diverged")
"""Statuses of trials of which there is something to say."""


def judged(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials of which there is something to say: those that are done, and those that diverged."""
    return trials[trials["status"].isin(JUDGED)] if "status" in trials.columns else trials


def joint_verdict(trials: pd.DataFrame) -> str:
    """The verdict of several seeds: one word where they agree, else each with its count: ``collapsed 2/3, ...``."""
    rows = rows_of(trials, DECIDING)
    counts = Counter(verdict(row) for row in rows if row.get("status", "done") in JUDGED)
    if len(counts) <= 1:
        return next(iter(counts), NO_VERDICT)
    return ", ".join(f"{word} {count}/{counts.total()}" for word, count in counts.most_common())


def verdict_word(joint: str) -> str:
    """A joint verdict as a cell of a table has it: where seeds disagree the word of most of them, or ``mixed``.

    Args:
        joint: See `joint_verdict`; ``collapsed 2/3, informative 1/3`` becomes ``collapsed 2/3``.
    """
    first, _, rest = joint.partition(", ")
    count = first.rpartition(" ")[2]
    return "mixed" if rest and rest.split(", ")[0].endswith(f" {count}") else first


def verdict_sentence(group: Group) -> str:
    """What became of z under a method, in a sentence with the means that decide it.

    ``verdict of bn: did not collapse (kl 2.95, mi 2.02 of at most 7.60, au 16)``; seeds that disagree are counted.
    """
    start = f"verdict of {group.label}: "
    if judged(group.trials).empty:
        return f"{start}none, no trial is finished"
    joint = joint_verdict(group.trials)
    if joint == NO_VERDICT:
        alone = all(one_sentence(row) for row in rows_of(finished(group.trials)))
        return start + ("none, one sentence can't tell" if alone else "none, kl or mi is undefined")
    figures = ", ".join(_distortion(group) if "worse than uniform" in joint else _figures(group))
    says = SENTENCES.get(joint, f"depends on the seed, {joint}")
    return start + says + (f" ({figures})" if figures else "") + _labels(group)


def _figures(group: Group) -> list[str]:
    """The means that decide about z."""
    names = (*EVIDENCE, "mi_ceiling")
    means = {name: interval.mean for name in names if (interval := group.summary(name)) is not None}
    return [_evidence(name, means) for name in EVIDENCE if name in means]


def _labels(group: Group) -> str:
    """What probes read of the labels, where draws of z were probed: the accuracy on means alone says too much."""
    means = [(words, group.summary(name)) for name, words in PROBES.items()]
    told = [f"{summary.mean:.2f} {words}" for words, summary in means if summary is not None]
    return f"; labels read: {', '.join(told)}" if group.summary("probe_sampled") is not None else ""


def _evidence(name: str, means: Mapping[str, float]) -> str:
    """A figure with two significant digits at least, so that one next to its threshold can be told from it."""
    value = means[name]
    text = f"{name} {value:z.3g}" if abs(value) < 1 or name == "au" else f"{name} {value:z.2f}"
    return text + (f" of at most {means['mi_ceiling']:.2f}" if name == "mi" and "mi_ceiling" in means else "")


def _distortion(group: Group) -> list[str]:
    """The largest rec beside that of the guess."""
    rows = [row for row in rows_of(finished(group.trials)) if verdict(row) == "worse than uniform"]
    pairs = [(float(row["rec"]), nats) for row in rows if (nats := uniform_nats(row)) is not None]
    return [f"rec {rec:.4g} against {nats:.4g}" for rec, nats in sorted(pairs)[-1:]]


def contradictions(frame: pd.DataFrame) -> list[str]:
    """A line on the verdicts that a table says of itself and its figures deny, with the first of them."""
    if "verdict" not in frame.columns:
        return []
    wrong = []
    for row in rows_of(judged(frame)):
        told = row["verdict"]
        if isinstance(told, str) and told and told != verdict(row):
            seed = defined([row.get("seed")])
            name = str(row["method"]) + (f" seed {seed[0]:.0f}" if seed else "")
            wrong.append(f"{name} is {told!r} there and {verdict(row)} by its figures")
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return [printable(f"verdicts are made from the figures, not read: {wrong[0]}{more}")] if wrong else []


def frontier(frame: pd.DataFrame) -> list[str]:
    """The methods that no other beats in rate and distortion together, in ascending order of kl.

    One method beats another if neither its `rec` (distortion) nor its `kl` (rate) is larger and one of them is smaller
    (Alemi et al. 2018, arXiv:1711.00464). Means over seeds; an infinite figure is of a run that diverged and counts as
    none, and methods without either figure are left out.

    Args:
        frame: A row a trial, of one table.
    """
    points = []
    if not {"rec", "kl"} <= set(frame.columns):
        return []
    for group in grouped(frame):
        trials = finished(group.trials)
        pairs = zip(trials["rec"], trials["kl"], strict=True)
        both = [(r, k) for r, k in pairs if defined([r]) and defined([k]) and math.isfinite(r) and math.isfinite(k)]
        if both:
            rec, kl = (sum(column) / len(both) for column in zip(*both, strict=True))
            points.append((kl, rec, group.label))
    return [
        label
        for kl, rec, label in sorted(points)
        if not any(k <= kl and r <= rec and (k, r) != (kl, rec) for k, r, _ in points)
    ]
