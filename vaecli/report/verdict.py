"""One word on what became of the latent variable, and the methods on the rate-distortion frontier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaecli.runs.statistics import Group, defined, finished, grouped

if TYPE_CHECKING:
    import pandas as pd

COLLAPSED = 0.1
"""Nats of kl or mi below which z carries nothing."""
FAKE_KL, FAKE_SHARE = 1.0, 0.25
"""A rate of at least this many nats of which less than this share is information about x."""
SATURATED_SHARE = 0.95
"""Share of its ceiling log N above which mi says only that it is large."""

UNUSED = 0.1
"""Nats that another sentence's code costs the decoder, below which it doesn't look at z."""

EVIDENCE = ("kl", "mi", "au", "z_gain_shuffled")
"""The figures that decide."""

SENTENCES = {
    "collapsed": "collapsed",
    "unused": "did not collapse, but the decoder makes no use of the code",
    "fake-rate": "did not collapse, but most of its rate says nothing of the sentence",
    "saturated": "did not collapse; mi is at its ceiling and may be anything larger",
    "informative": "did not collapse",
}

NO_VERDICT = "-"
RULE = (
    f"verdict: collapsed = kl < {COLLAPSED} or mi < {COLLAPSED} or au = 0; unused = z_gain_shuffled < {UNUSED} where "
    f"measured; fake-rate = kl >= {FAKE_KL:g} and mi < {FAKE_SHARE} kl; saturated = mi > {SATURATED_SHARE} mi_ceiling; "
    f"informative = none of these; {NO_VERDICT} = kl or mi undefined"
)


def verdict(row: Mapping[str, Any]) -> str:
    """What became of z in a trial: ``collapsed``, ``unused``, ``fake-rate``, ``saturated`` or ``informative``.

    Args:
        row: Figures by column; `kl`, `mi`, `mi_ceiling` and `au` are read, and `z_gain_shuffled` where it was measured.

    Returns:
        ``-`` where the figures that would decide are undefined, as for a language model or an autoencoder.
    """
    kl, mi, ceiling = (_figure(row, name) for name in ("kl", "mi", "mi_ceiling"))
    if kl is None:
        return NO_VERDICT
    active, gain = _figure(row, "au"), _figure(row, "z_gain_shuffled")
    if kl < COLLAPSED or (mi is not None and mi < COLLAPSED) or active == 0:
        return "collapsed"
    if mi is None:
        return NO_VERDICT
    if gain is not None and gain < UNUSED:
        return "unused"
    if kl >= FAKE_KL and mi < FAKE_SHARE * kl:
        return "fake-rate"
    if ceiling is not None and mi > SATURATED_SHARE * ceiling:
        return "saturated"
    return "informative"


def _figure(row: Mapping[str, Any], name: str) -> float | None:
    found = defined([row.get(name)])
    return found[0] if found else None


def joint_verdict(trials: pd.DataFrame) -> str:
    """The verdict of several seeds: one word where they agree, else each with its count: ``collapsed 2/3, ...``."""
    counts = Counter(verdict({str(key): value for key, value in row.items()}) for row in trials.to_dict("records"))
    if len(counts) <= 1:
        return next(iter(counts), NO_VERDICT)
    return ", ".join(f"{word} {count}/{counts.total()}" for word, count in counts.most_common())


def verdict_sentence(group: Group) -> str:
    """What became of z under a method, in a sentence with the means that decide it.

    ``verdict of bn: did not collapse (kl 2.95, mi 2.02 of at most 7.60, au 16)``; seeds that disagree are counted.
    """
    trials = finished(group.trials)
    if trials.empty:
        return f"verdict of {group.label}: none, no trial is finished"
    joint = joint_verdict(trials)
    if joint == NO_VERDICT:
        return f"verdict of {group.label}: none, kl or mi is undefined"
    means = {name: found.mean for name in (*EVIDENCE, "mi_ceiling") if (found := group.summary(name)) is not None}
    figures = [_evidence(name, means) for name in EVIDENCE if name in means]
    says = SENTENCES.get(joint, f"depends on the seed, {joint}")
    return f"verdict of {group.label}: {says} ({', '.join(figures)})"


def _evidence(name: str, means: Mapping[str, float]) -> str:
    """A figure with two significant digits at least, so that one next to its threshold can be told from it."""
    value = means[name]
    text = f"{name} {value:.3g}" if abs(value) < 1 or name == "au" else f"{name} {value:.2f}"
    return text + (f" of at most {means['mi_ceiling']:.2f}" if name == "mi" and "mi_ceiling" in means else "")


def frontier(frame: pd.DataFrame) -> list[str]:
    """The methods that no other beats in rate and distortion together, in ascending order of kl.

    One method beats another if neither its `rec` (distortion) nor its `kl` (rate) is larger and one of them is smaller
    (Alemi et al. 2018, arXiv:1711.00464). Means over seeds; methods without either figure are left out.

    Args:
        frame: A row a trial, of one experiment.
    """
    points = []
    if not {"rec", "kl"} <= set(frame.columns):
        return []
    for group in grouped(frame):
        trials = finished(group.trials)
        both = [(r, k) for r, k in zip(trials["rec"], trials["kl"], strict=True) if defined([r]) and defined([k])]
        if both:
            rec, kl = (sum(column) / len(both) for column in zip(*both, strict=True))
            points.append((kl, rec, group.label))
    return [
        label
        for kl, rec, label in sorted(points)
        if not any(k <= kl and r <= rec and (k, r) != (kl, rec) for k, r, _ in points)
    ]
