"""How long an experiment will still take, about, from what its trials have taken so far.

A trial of a method that has been measured takes as many epochs as those of the method that are done, else as many as
are planned, at the method's measured seconds an epoch, validations included. One of another method takes what the
measured ones take, by the cost that its remedies state beside theirs. The final evaluation takes what those of the
trials that are done took, and a process what others took to begin. Trials that wait start as others end, as many at a
time as have been seen to run.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from vaecli.runs.watched import WatchedTrial


@dataclass(frozen=True)
class Forecast:
    """What is still to come.

    Attributes:
        seconds: Until the last trial ends; None where nothing has been measured yet.
        trials: Of each trial that runs, by its name, as far as it is known.
        evaluated: Whether the final evaluations are in these times: none has been measured before the first trial is
            done.
    """

    seconds: float | None
    trials: Mapping[str, float] = field(default_factory=dict)
    evaluated: bool = True


@dataclass(frozen=True)
class _Pace:
    """Of the trials of a method: seconds of an epoch, epochs, and seconds of the final evaluation."""

    epoch: float
    epochs: float | None
    evaluation: float | None


def forecast(trials: Sequence[WatchedTrial], slots: int = 1, again: bool = True, now: float | None = None) -> Forecast:
    """The time that trials will still take.

    Args:
        trials: All of an experiment.
        slots: Trials at a time, at least as many as run now.
        again: Whether interrupted ones are still to be gone on with.
        now: Seconds since 1970, for what of a final evaluation has passed.
    """
    running = [trial for trial in trials if trial.state == "running"]
    waiting = [trial for trial in trials if trial.state == "waiting" or (again and trial.state in ("stopped", "lost"))]
    paces = measured(trials)
    evaluation = _mean(pace.evaluation for pace in paces.values() if pace.evaluation is not None)
    costs = {trial.label: trial.cost for trial in trials}
    startup = _mean(trial.startup_seconds for trial in trials if trial.startup_seconds) or 0.0
    base = _mean(pace.epoch / costs[label] for label, pace in paces.items())
    if not (running or waiting):
        return Forecast(0.0)
    if base is None:
        return Forecast(None)

    def left(trial: WatchedTrial) -> float:
        pace = paces.get(trial.label)
        known = pace is not None and pace.epochs is not None
        epochs = max(trial.epochs_done, pace.epochs or 0.0) if pace is not None and known else float(trial.epochs)
        stand = trial.stand if trial.state == "running" else None  # of one that is lost it is that of its end
        own = stand.seconds_per_epoch if stand is not None else None
        epoch = own or (pace.epoch if pace is not None else base * trial.cost)
        tail = (evaluation if pace is None or pace.evaluation is None else pace.evaluation) or 0.0
        if now is not None and stand is not None and stand.doing.startswith("measuring"):
            return max(0.0, tail - max(0.0, now - trial.written))
        begin = startup if stand is None else 0.0
        return begin + max(0.0, epochs - trial.epochs_done) * epoch + tail

    ends = {trial.name: left(trial) for trial in running}
    seconds = makespan([*ends.values()], map(left, waiting), max(slots, len(running), 1))
    return Forecast(seconds, ends, evaluation is not None)


def measured(trials: Sequence[WatchedTrial]) -> dict[str, _Pace]:
    """What is known of each method, by its label, from its trials that are done or run."""
    paces: dict[str, _Pace] = {}
    for label, own in by_label(trials).items():
        done = [trial for trial in own if trial.state == "done" and trial.seconds and trial.epochs_done]
        speeds = [(trial.seconds - (trial.evaluation_seconds or 0.0)) / trial.epochs_done for trial in done]
        speeds += [trial.stand.seconds_per_epoch or 0.0 for trial in own if trial.state == "running" and trial.stand]
        epoch = _mean(speed for speed in speeds if speed > 0)
        if epoch is not None:
            epochs = _mean(trial.epochs_done for trial in done)
            evaluation = _mean(t.evaluation_seconds for t in done if t.evaluation_seconds is not None)
            paces[label] = _Pace(epoch, epochs, evaluation)
    return paces


def makespan(running: Sequence[float], waiting: Iterable[float], slots: int) -> float:
    """When the last trial ends, where each that waits starts as soon as there is room."""
    ends = [*running, *([0.0] * (slots - len(running)))]
    heapq.heapify(ends)
    last = max(ends)
    for seconds in waiting:
        end = heapq.heappop(ends) + seconds
        last = max(last, end)
        heapq.heappush(ends, end)
    return last


def by_label(trials: Iterable[WatchedTrial]) -> dict[str, list[WatchedTrial]]:
    """The trials of each method and variant."""
    grouped: dict[str, list[WatchedTrial]] = {}
    for trial in trials:
        grouped.setdefault(trial.label, []).append(trial)
    return grouped


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return fmean(known) if known else None
