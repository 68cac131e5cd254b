#!/usr/bin/env bash
# smac 2.4.1: `SuccessiveHalving` from 1 to 1000 epochs trains nothing for 1000: its last stage has no configuration, for 729 times 3 to the power of -6 is
# 0.9999999999999999, rounded down. So has the first bracket of Hyperband, and other ranges of five or six halvings, of which some depend on numpy's version.
# Guess before: six stages of 243, 81, 27, 9, 3 and 1 configurations, as in the paper (Li et al. 2018); of the source, read before the run: 0 for 729.
# Seen: 1 to 81: 81, 27, 9, 3, 1; 1 to 250: 243, 81, 27, 9, 3, 0; 1 to 729, and 1 to 1000: 729, 243, 81, 27, 9, 2, 0, where 3 and 1 would be right; 1 to 3125
#       by fives: 3125, 625, 125, 25, 5, 0. So with numpy 1.26.4; with 2.4.6 the last is 1 for 250, and 0 for 729, 1000 and 3125 still.
#       A run of 125 trials up to 81 has one at 81; one of 400 up to 250 has three at 83 and none at 250
# What follows for a user: the best trial of the search is one of a third of the epochs, and no message says so; `determine_HB` counts the budget as if that
# were meant. Its `n_configs_in_stage` has to be looked at before, or a range of other ends taken.
# Here a search trains each trial for all of its epochs, up to pruning by the median (vaecli/engines/tuning.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check smac==2.4.1 ConfigSpace==1.2.2 numpy==1.26.4 scikit-learn==1.9.1 scipy==1.17.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import logging
import warnings
from collections import Counter
from importlib.metadata import version

from ConfigSpace import ConfigurationSpace
from smac import HyperbandFacade, Scenario
from smac.intensifier.hyperband_utils import determine_HB
from smac.intensifier.successive_halving import SuccessiveHalving

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


def stages(most, eta=3):
    """How many configurations each stage of the first bracket has, from a budget of 1."""
    return determine_HB(1, most, eta)["n_configs_in_stage"][0]


def budgets(most, trials):
    """How many trials are run at each budget."""
    run = Counter()

    def target(config, seed=0, budget=0.0):
        run[round(budget)] += 1
        return config["x"]

    space = ConfigurationSpace({"x": (0.0, 1.0)}, seed=0)
    scenario = Scenario(space, deterministic=True, min_budget=1, max_budget=most, n_trials=trials, output_directory="smac", seed=0)
    HyperbandFacade(scenario, target, overwrite=True, logging_level=False, intensifier=SuccessiveHalving(scenario)).optimize()
    return dict(run)


planned = {(most, eta): stages(most, eta) for most, eta in ((81, 3), (250, 3), (729, 3), (1000, 3), (3125, 5))}
run = {most: budgets(most, trials) for most, trials in ((81, 125), (250, 400))}
print("version", version("smac"), "planned", planned, "run", run)
assert planned[81, 3] == [81, 27, 9, 3, 1]
assert planned[250, 3] == [243, 81, 27, 9, 3, 0], "the last stage has its configuration from now"
assert planned[1000, 3] == [729, 243, 81, 27, 9, 2, 0] and planned[3125, 5][-1] == 0
assert run[81][81] == 1
assert run[250][83] == 3 and 250 not in run[250], "a trial gets the whole budget from now"
PY
