"""One word on what became of the latent variable, and the methods on the rate-distortion frontier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaecli.runs.statistics import defined, finished, grouped

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
