"""What a display says when the validations of a run show that its code says nothing, and what to try."""

from __future__ import annotations

import shlex

from vaecli.metrics.validation_alarm import Alarm

SYNTHETIC = "synthetic"
"""The embedded corpus, which needs no option."""

SUGGESTED = ("bn", "free_bits", "mi_constraint")
"""Remedies of three kinds that are informative in every seed of the table in README; docs/findings.md has all."""


def alarm_text(alarm: Alarm) -> str:
    """``collapsed at epoch 2: kl 0.00, mi 0.00``."""
    mi = "undefined" if alarm.mi is None else f"{alarm.mi + 0.0:.2f}"
    if alarm.state == "collapsed":
        return f"collapsed at epoch {alarm.epoch}: kl {alarm.kl:.2f}, mi {mi}; the decoder does without z"
    if alarm.state == "ignored":
        told = f"of the {alarm.kl:.2f} nats that its code costs, {mi} tell sentences apart"
        return f"a code that the decoder ignores, at epoch {alarm.epoch}: {told}"
    return f"informative again at epoch {alarm.epoch}: kl {alarm.kl:.2f}, mi {mi}"


def what_to_try(method: str, data: str = "", preset: str | None = None) -> str:
    """A command that trains remedies beside the method whose code says nothing: the way out of a collapse.

    Args:
        method: That method.
        data: Its corpus.
        preset: Its sizes.
    """
    parts = method.split("+")
    others = [name for name in SUGGESTED if name not in parts][:2]
    corpus = f" --data {shlex.quote(data)}" if data not in ("", SYNTHETIC) else ""
    sizes = f" --preset {preset}" if preset not in (None, "", "quick") else ""
    return f"vae compare --methods {','.join([method, *others])}{corpus}{sizes}"
