#!/usr/bin/env bash
# Optuna 5.0.0: after a trial has failed, as when its process was killed, `Study.enqueue_trial(params, skip_if_exists=True)`
# with the same parameters enqueues nothing, and says nothing at its usual log level: a failed trial counts as one that
# "exists". What is asked next is drawn by the sampler.
# Guess before: only trials that are finished with a value, run or wait are duplicates; a failed one is asked for again.
# Seen: without the argument the parameters come back, with it they don't, whether the trial failed or was pruned.
# What follows for a user: a search that is killed and restarted by this recipe leaves out the settings that were at work.
# Here what was at work is enqueued without the argument (vaecli/engines/tuning.py), so that an interrupted search ends as
# one that wasn't.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check optuna==5.0.0
"$folder/venv/bin/python" - <<'PY'
import optuna
from optuna.trial import TrialState


def next_value(state, **how):
    """What is asked for after a trial at 0.123456 has ended so, and is enqueued once more."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial({"x": 0.123456})
    trial = study.ask()
    trial.suggest_float("x", 0.0, 1.0)
    if state is TrialState.PRUNED:
        trial.report(1.0, 1)
    study.tell(trial, state=state)
    study.enqueue_trial({"x": 0.123456}, **how)
    return study.ask().suggest_float("x", 0.0, 1.0)


optuna.logging.set_verbosity(optuna.logging.WARNING)
print("version", optuna.__version__)
for state in (TrialState.FAIL, TrialState.PRUNED):
    plain, skipping = next_value(state), next_value(state, skip_if_exists=True)
    print(f"after {state.name}: without skip_if_exists {plain}, with it {skipping:.6f}")
    assert plain == 0.123456
    assert skipping != 0.123456, "a failed trial is asked for again from now"
PY
