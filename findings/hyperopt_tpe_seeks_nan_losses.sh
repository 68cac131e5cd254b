#!/usr/bin/env bash
# hyperopt 0.3.0: TPE forgets trials whose loss is NaN, so that their region looks untried, and goes there: where half of the range ends in NaN, nearly all
# trials after the first 50 are in that half. A loss of inf, or 1e9, is avoided. And after a first NaN or inf `no_progress_loss` sees no progress ever.
# Guess before: NaN is to the search what inf is (of the search itself nothing was written down); a first NaN counts as no loss, later ones as progress.
# Seen: of 150 trials in 0 to 1 whose loss is bad above 0.5: if it is NaN, 98 % of the last 100 are above, if it is inf or 1e9 19 %; the best trial is a finite
#       one. Losses of NaN, 1/2, 1/3, ..., and of inf, 1/2, 1/3, ...: `no_progress_loss(10)` stops after 10 trials; of 1e9, 1/2, 1/3, ...: all 60 are run
# What follows for a user: a search over learning rates, whose upper end diverges, spends its budget on runs that diverge. An objective has to turn NaN into
# a large number before it returns.
# Here a search is Optuna's, and is told of a trial that diverged as of one that is worse than all others (vaecli/engines/tuning.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check hyperopt==0.3.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PY'
import math
from importlib.metadata import version

import numpy as np
from hyperopt import Trials, fmin, hp, tpe
from hyperopt.early_stop import no_progress_loss


def search(loss, trials, **options):
    """The values of x that TPE tried."""
    done = Trials()
    options |= {"max_evals": trials, "trials": done, "rstate": np.random.default_rng(0), "show_progressbar": False}
    fmin(loss, hp.uniform("x", 0, 1), algo=tpe.suggest, **options)
    return done


def share(bad):
    """The share of the last 100 of 150 trials that are where the loss is bad."""
    done = search(lambda x: bad if x > 0.5 else 1 + 0.01 * x, 150)
    assert done.argmin["x"] < 0.5
    return np.mean(np.array(done.vals["x"])[50:] > 0.5)


def length(first):
    """How many trials are run, each better than the one before, where the first has another loss."""
    losses = iter([first, *(1 / (n + 2) for n in range(60))])
    return len(search(lambda x: next(losses), 60, early_stop_fn=no_progress_loss(10)))


shares = {bad: share(bad) for bad in (math.nan, math.inf, 1e9)}
lengths = {first: length(first) for first in (math.nan, math.inf, 1e9)}
print("version", version("hyperopt"), "share of trials in the bad half:", shares, "trials until no progress, by the first loss:", lengths)
assert shares[math.nan] > 0.8, "NaN is a bad loss from now"
assert shares[math.inf] < 0.4 and shares[1e9] < 0.4
assert lengths[math.nan] == lengths[math.inf] == 10, "a first NaN doesn't count from now"
assert lengths[1e9] == 60
PY
