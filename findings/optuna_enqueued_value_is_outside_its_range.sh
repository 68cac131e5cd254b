#!/usr/bin/env bash
# Optuna 5.0.0: a value that was enqueued outside of the range that is asked for comes back as it is, with a warning; one of another
# type comes back as that type, without: `suggest_float` returns the string "0.5"; `suggest_int` cuts 2.7 to 2, with one. A category that
# isn't among the choices is refused. And `suggest_float(0, 1, step=0.1)` gives 0.30000000000000004.
# Guess before: a warning, and a value from inside the range; 0.3.
# Seen: enqueued 5.0 for 0 to 1: 5.0; "0.5": '0.5'; 2.7 for an int: 2; steps of 0.1: 0.30000000000000004, 0.6000000000000001, 0.7000000000000001
# What follows for a user: a search that goes on with narrower ranges runs what was enqueued for the wider ones, and the best of it may
# be outside; a variant's name holds 17 digits.
# Here the ranges are part of the study's name, defaults are enqueued only where they are inside, and what is drawn is rounded
# (vaecli/engines/tuning.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check optuna==5.0.0
"$folder/venv/bin/python" - <<'PY'
import warnings

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def asked(value, ask):
    """What is suggested after a value was enqueued, and the warnings."""
    study = optuna.create_study()
    study.enqueue_trial({"x": value})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return ask(study.ask()), len(caught)


print("version", optuna.__version__)
outside = asked(5.0, lambda trial: trial.suggest_float("x", 0, 1))
text = asked("0.5", lambda trial: trial.suggest_float("x", 0, 1))
whole = asked(2.7, lambda trial: trial.suggest_int("x", 1, 10))
print("5.0 in 0 to 1:", outside, "text:", text, "2.7 as int:", whole)
assert outside == (5.0, 1), "a value from inside comes back from now"
assert text == ("0.5", 0), "a text is refused or made a number from now"
assert whole == (2, 1)
try:
    asked("c", lambda trial: trial.suggest_categorical("x", ["a", "b"]))
except ValueError as error:
    print("category:", error)
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
steps = {study.ask().suggest_float("y", 0, 1, step=0.1) for _ in range(300)}
print("steps of 0.1:", sorted(steps))
assert 0.30000000000000004 in steps, "steps are rounded from now"
PY
