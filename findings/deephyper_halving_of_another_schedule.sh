#!/usr/bin/env bash
# deephyper 0.13.2: `SuccessiveHalvingStopper(min_steps=10, reduction_factor=3)` halves after 10, 12, 18, 36 and 90 steps, where its documentation has 10, 30
# and 90; one trial whose objective is NaN makes it, and `MedianStopper`, stop all later trials; and `MedianStopper` compares a trial's first step with the last
# ones of the first ten.
# Guess before: (the source had been read) as documented, "min_steps * reduction_factor ** k"; a NaN is out of the comparison, as a failure is. Of the median nothing
# but "at similar budgets", as its documentation says.
# Seen: the budget is min_steps - 1 + reduction_factor ** k, which is that for min_steps = 1 alone: a trial that falls behind at step 12 ends there. With a
#       trial of NaN: trials that are better at each step than all before, at most 30 steps: 30, 1, 1, 1, 1; without it 30, 30, 30, 30.
#       By the median, the last four of 16 trials, better at each step than all before, end at their first step, if their objective rises with the steps
# What follows for a user: with 10 epochs of warming up a run has three chances within eight epochs, before an annealing of the KL weight has had its
# effect; one diverged run ends the search without a message, with its first trials as the best. A NaN has to be recorded as a failure, "F_nan".
# Here a trial is pruned by Optuna, by the median at the same epoch, and one that diverged isn't in it (vaecli/engines/tuning.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
PIP_NO_DEPS=1 "$folder/venv/bin/pip" install -q --disable-pip-version-check deephyper==0.13.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import math
from importlib.metadata import version

from deephyper.stopper import MedianStopper, SuccessiveHalvingStopper


class Storage(dict):
    """What trials of one search tell each other."""

    def store_job_metadata(self, job, name, value):
        self.setdefault(job, {})[name] = value

    def load_metadata_from_all_jobs(self, search, name):
        return [told[name] for told in self.values() if name in told]


class Job:
    def __init__(self, number, storage):
        self.id, self.storage = f"0.{number}", storage


def steps(stopper, objectives):
    """How many steps each trial is run, one after the other; an objective is a function of the step."""
    storage, run = Storage(), []
    for number, objective in enumerate(objectives):
        one = stopper()
        one.job = Job(number, storage)
        for step in range(1, one.max_steps + 1):
            one.observe(step, objective(step))
            if one.stop():
                break
        run.append(step)
    return run


def halving():
    return SuccessiveHalvingStopper(max_steps=100, min_steps=10, reduction_factor=3)


# The first is the best; the others equal it up to a step, and are below it from the next one on.
behind = {last: steps(halving, [lambda step: 1.0, lambda step, last=last: float(step <= last)])[1] for last in (9, 10, 12, 18, 36)}
rising = [lambda step, slope=slope: slope * step for slope in range(1, 17)]
constant = [lambda step, level=level: float(level) for level in range(1, 17)]
asha, median = (lambda: SuccessiveHalvingStopper(max_steps=30)), (lambda: MedianStopper(max_steps=30))
diverged = steps(asha, [rising[0], lambda step: math.nan, *rising[1:4]])
whole = steps(asha, rising[:4])
of_median = steps(median, [*constant[:8], lambda step: math.nan, *constant[8:]])[-4:]
of_median_whole, of_rising = steps(median, constant)[-4:], steps(median, rising)[-4:]
print("version", version("deephyper"), "falls behind after: ends at", behind, "with a NaN", diverged, "without", whole)
print("median: with a NaN", of_median, "without", of_median_whole, "rising", of_rising)
assert behind == {9: 10, 10: 12, 12: 18, 18: 36, 36: 90}, "it halves as documented from now"
assert diverged == [30, 1, 1, 1, 1] and of_median == [1] * 4, "a NaN is out of the comparison from now"
assert whole == [30] * 4 and of_median_whole == [30] * 4
assert of_rising == [1] * 4, "it compares equal steps from now"
PY
