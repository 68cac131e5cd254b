#!/usr/bin/env bash
# aim 3.29.1: `run.track({...})` without a step gives all its names the step that comes next for the first of them, so that figures of the others are written over;
# `metric.values`, and `dataframe(only_last=True)`, are in the order of a hash of the step.
# Guess before: each name counts its own steps, as it does in calls of its own; values are in the order of their steps, and the last is the last step's.
# Seen: nll 100, 99, 98, {kl: 0.2, nll: 999}, 97, 96: the curve of nll is 999, 99, 98, 97, 96, with 100 lost and 999 at step 0; {nll: 999, kl: 0.2} has nll
#       at step 3 and kl at step 3 for 0. Of 0 to 99 at the steps 0 to 99, `values.sparse_numpy()`, which the first page of the documentation reads with, has 39,
#       95, 34, 0, 89, ... at "steps" as 76597475634969616, and the "only last" row is step 62's. `dataframe()` and `metric.data` are in order
# What follows for a user: what is measured rarely, tracked beside what is often, destroys the beginning of the other's curve; a table of last values is of steps
# at random. Give every call its step, and read by `dataframe()`. The order is known (aimhubio/aim, issues 2631 and 3318).
# Here each figure is told with its step (vaecli/trackers/aim_tracker.py), and docs/trackers.md says how to read it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check aim==3.29.1 aimrocks==0.5.2 numpy==2.4.6 pandas==3.1.1
cd "$folder"
AIM_UI_TELEMETRY_ENABLED=0 "$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from aim import Repo, Run


def run(name):
    quiet = {"system_tracking_interval": None, "log_system_params": False, "capture_terminal_logs": False}
    return Run(repo=Repo.from_path(name, init=True), **quiet)


def curve(run, name):
    """Steps and values of a metric by its table."""
    (table,) = [metric.dataframe() for metric in run.metrics() if metric.name == name]
    return dict(zip(table.step.tolist(), table.value.tolist()))


def tracked(figures):
    one = run("_".join(figures))
    for value in (100.0, 99.0, 98.0):
        one.track(value, name="nll")
    one.track(figures)
    for value in (97.0, 96.0):
        one.track(value, name="nll")
    return curve(one, "nll"), curve(one, "kl")


rare, often = tracked({"kl": 0.2, "nll": 999.0}), tracked({"nll": 999.0, "kl": 0.2})
print("version", version("aim"), "kl first", *rare, "nll first", *often)
assert rare == ({0: 999.0, 1: 99.0, 2: 98.0, 3: 97.0, 4: 96.0}, {0: 0.2}), "each name counts its own steps from now"
assert often == ({0: 100.0, 1: 99.0, 2: 98.0, 3: 999.0, 4: 97.0, 5: 96.0}, {3: 0.2}), "each name counts its own steps from now"

long = run("long")
for step in range(100):
    long.track(float(step), name="nll", step=step)
(metric,) = long.metrics()
steps, values = metric.values.sparse_numpy()
last = metric.dataframe(only_last=True).step.tolist()
print("values", values[:5], "steps", steps[:2], "only last", last, "last value", metric.values.last_value())
assert sorted(values) == list(range(100)) and values.tolist() != sorted(values), "values are in order from now"
assert set(steps.tolist()).isdisjoint(range(100))
assert last == [62] and metric.values.last_value() == 62, "the last step is the last from now"
assert list(curve(long, "nll").items()) == [(step, float(step)) for step in range(100)]
PY
