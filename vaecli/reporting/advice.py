"""What a display says when the validations of a run show that its code says nothing, and what to try."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Collection, Sequence

from vaecli.metrics.validation_alarm import Alarm, State
from vaecli.runs.watched import WatchedTrial

SUGGESTED = ("bn", "free_bits", "mi_constraint")
"""Remedies of three kinds that are informative in every seed of the table in README; docs/findings.md has all."""


def alarm_text(alarm: Alarm) -> str:
    """``collapsed at epoch 2: kl 0.00, mi 0.00``."""
    mi = "undefined" if alarm.mi is None else f"{alarm.mi:z.2f}"
    if alarm.state == "collapsed":
        return f"collapsed at epoch {alarm.epoch}: kl {alarm.kl:z.2f}, mi {mi}; the decoder does without z"
    if alarm.state == "ignored":
        told = f"of the {alarm.kl:z.2f} nats that its code costs, {mi} tell sentences apart"
        return f"a code that the decoder ignores, at epoch {alarm.epoch}: {told}"
    return f"informative again at epoch {alarm.epoch}: kl {alarm.kl:z.2f}, mi {mi}"


def what_to_try(method: str, options: Sequence[str] = (), known: Collection[str] = ()) -> str:
    """A command that trains remedies beside the method whose code says nothing; empty where all are trained already.

    Args:
        method: That method.
        options: Its corpus, sizes and settings; see `vaecli.runs.option_words`.
        known: Methods that stand beside it already.
    """
    tried = {part for name in (method, *known) for part in name.split("+")}
    others = [name for name in SUGGESTED if name not in tried][:2]
    if not others:
        return ""
    return shlex.join(["vae", "compare", "--methods", ",".join([method, *others]), *options])


def silent_codes(trials: Sequence[WatchedTrial]) -> dict[State, list[WatchedTrial]]:
    """The trials whose code says nothing by their last validations: those that collapsed, and those of an idle rate."""
    by_state: dict[State, list[WatchedTrial]] = {"collapsed": [], "ignored": []}
    for trial in trials:
        if trial.alarms and trial.alarms[-1].state != "informative":
            by_state[trial.alarms[-1].state].append(trial)
    return {state: own for state, own in by_state.items() if own}


def warned_of(trials: Sequence[WatchedTrial]) -> list[WatchedTrial]:
    """Trials at work whose first updates say that they will collapse, and whose validations don't say anything yet."""
    return [trial for trial in trials if trial.warning and trial.state == "running" and not trial.alarms]


def silent_code_lines(trials: Sequence[WatchedTrial]) -> list[str]:
    """``collapsed: vanilla 3, cyclical 2``, the newest first; the like for ignored codes; and what to try.

    Between stand runs at work whose first updates foretell it: ``likely to collapse: bow 2``.
    """
    by_state = silent_codes(trials)
    names = {"collapsed": "collapsed", "ignored": "code ignored"}
    lines = []
    for state, own in by_state.items():
        own.sort(key=lambda trial: -trial.ended if trial.state != "running" else -math.inf)
        counts = Counter(trial.label for trial in own)
        lines.append(f"{names[state]}: " + ", ".join(f"{label} {n}" for label, n in counts.items()))
    if warned := warned_of(trials):
        counts = Counter(trial.label for trial in warned)
        lines.append("likely to collapse: " + ", ".join(f"{label} {n}" for label, n in counts.items()))
    if by_state:
        first = next(iter(by_state.values()))[0]
        hint = what_to_try(first.method, first.options, {trial.method for trial in trials})
        lines += [f"try `{hint}`"] if hint else []
    return lines
