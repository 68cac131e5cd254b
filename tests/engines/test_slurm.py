"""Trials as jobs: through submitit's own executors anywhere, and through a real SLURM where its daemons can run."""

import pytest

pytest.importorskip("submitit", reason="needs the extra: pip install 'vaecli[slurm]'")

from tests.engines.test_local import attempts, fake, plan
from tests.runs.grids import prepared, run_json
from vaecli.engines.engine import Policy
from vaecli.engines.slurm_engine import SlurmEngine


def run(trials, cluster="local", options=(), **policy):
    events = []
    outcome = SlurmEngine(options, cluster, fake).run(trials, events.append, Policy(**policy))
    return outcome, events


def test_what_a_trial_says_counts_and_not_what_submitit_says(tmp_path):
    trials = plan(prepared(tmp_path, seeds="0-3"), "done", "fail", "explain", "diverge")
    outcome, events = run(trials, max_retries=0)
    assert list(outcome.statuses.values()) == ["done", "failed", "failed", "diverged"]
    assert run_json(trials[1].path)["message"].startswith("its job ")
    assert run_json(trials[1].path)["message"].endswith("its last line: vae: no such file: x")
    assert run_json(trials[2].path)["message"] == "DataError: bad corpus"
    assert [len(attempts(trial)) for trial in trials] == [1] * 4
    assert sum(event.kind == "progress" for event in events) == 1
