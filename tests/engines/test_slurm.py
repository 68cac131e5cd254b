"""Trials as jobs: through submitit's own executors anywhere, and through a real SLURM where its daemons can run."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import types
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engines import slurm_cluster
from tests.engines.finished import results
from tests.engines.test_local import attempts, fake, plan, wait_for
from tests.runs.grids import experiment, prepared, run_json
from tests.support import TINY
from vaecli.core.errors import UsageError
from vaecli.engines.engine import Policy
from vaecli.engines.run_grid import run_experiment
from vaecli.engines.supervisor import Start
from vaecli.runs.folder import RunFolder

submitit = pytest.importorskip("submitit", reason="needs the extra: pip install 'vaecli[slurm]'")

slurm_engine = pytest.importorskip("vaecli.engines.slurm_engine")
slurm_trial = pytest.importorskip("vaecli.engines.slurm_trial")

pytestmark = [  # submitit leaves the logs of its debug executor open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def no_last_call(monkeypatch):
    """A job that has got a SIGTERM needn't wait for what follows."""
    monkeypatch.setattr(slurm_trial, "LAST_CALL_SECONDS", 0)


def run(trials, cluster="local", options=(), **policy):
    events = []
    outcome = slurm_engine.SlurmEngine(options, cluster, fake).run(trials, events.append, Policy(**policy))
    return outcome, events


@pytest.mark.parametrize("cluster", ["local", "debug"])
def test_what_a_trial_says_counts_and_not_what_submitit_says(tmp_path, cluster):
    trials = plan(prepared(tmp_path, seeds="0-3"), "done", "fail", "explain", "diverge")
    outcome, events = run(trials, cluster, max_retries=0)
    assert list(outcome.statuses.values()) == ["done", "failed", "failed", "diverged"]
    message = run_json(trials[1].path)["message"]
    assert re.fullmatch(
        r"its job \S+ ended before the trial did, in attempt 1; its last line: vae: no such file: x", message
    )
    assert run_json(trials[2].path)["message"] == "DataError: bad corpus"
    assert [len(attempts(trial)) for trial in trials] == [1] * 4
    assert sum(event.kind == "progress" for event in events) == 1


def test_a_job_whose_trial_was_killed_is_submitted_again(tmp_path):
    trials = plan(prepared(tmp_path), "kill done")
    outcome, events = run(trials)
    assert list(outcome.statuses.values()) == ["done"]
    assert [event.kind for event in events] == ["started", "retried", "started", "progress", "finished"]


def test_a_job_that_is_given_up_is_not_waited_for(tmp_path):
    """As when the controller is away, and nobody can say whether the job has left the queue."""
    (trial,) = prepared(tmp_path)
    cancelled = []
    job = types.SimpleNamespace(job_id="7", cancel=lambda check: cancelled.append(check))
    attempt = slurm_engine.SlurmAttempt(Start(trial, 1, 0), job, lambda job: False)
    attempt.ask(signal.SIGTERM)
    assert attempt.poll() is None
    attempt.kill()
    assert attempt.poll().killed == "its job 7 ended before the trial did,"
    assert len(cancelled) == 2


def test_a_trial_whose_folder_is_gone_is_no_trouble(tmp_path):
    (trial,) = prepared(tmp_path)
    job = types.SimpleNamespace(job_id="7", cancel=lambda check: None)
    attempt = slurm_engine.SlurmAttempt(Start(trial, 1, 0), job, lambda job: False)
    shutil.rmtree(trial.path)
    assert (attempt.poll(), attempt.trouble()) == (None, "")
    attempt.kill()
    assert attempt.poll().killed == ""


def test_the_options_of_jobs():
    assert slurm_engine.job_parameters(["partition=gpu", "timeout_min=90", "gpus_per_node=1"]) == {
        "name": "vae",
        "timeout_min": 90,
        "cpus_per_task": 1,
        "gpus_per_node": 1,
        "slurm_partition": "gpu",
    }


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("partition", "--slurm partition: give KEY=VALUE"),
        ("=gpu", "--slurm =gpu: give KEY=VALUE"),
        ("nodes=2", "--slurm nodes=2: nodes can't be chosen"),
        ("array_parallelism=3", "--jobs is the throttle"),
    ],
)
def test_options_that_are_none(option, problem):
    with pytest.raises(UsageError, match=re.escape(problem)):
        slurm_engine.job_parameters([option])


def test_parameters_that_slurm_does_not_have_are_refused_with_those_that_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr("submitit.slurm.slurm.SlurmExecutor.affinity", lambda *rest: 2)
    with pytest.raises(UsageError, match=r"(?s)--engine slurm: .*partitoin.*partition"):
        slurm_engine.make_executor(slurm_engine.SlurmEngine(("partitoin=gpu",)), tmp_path, 0)


def test_jobs_are_the_throttle_of_the_array(tmp_path, monkeypatch):
    monkeypatch.setattr("submitit.slurm.slurm.SlurmExecutor.affinity", lambda *rest: 2)
    executor = slurm_engine.make_executor(slurm_engine.SlurmEngine(("partition=gpu",)), tmp_path, 3)
    assert executor._executor.parameters["array_parallelism"] == 3
    assert executor._executor.parameters["partition"] == "gpu"


def test_the_throttle_holds_for_what_is_submitted_later(tmp_path):
    """A trial that is repeated, or the next after a full array, is a job of its own, which no array throttles."""
    jobs = slurm_engine.Jobs(slurm_engine.SlurmEngine((), "local", fake), tmp_path / "slurm", 3)
    assert jobs.capacity() == slurm_engine.LARGEST_ARRAY
    (attempt,) = jobs.launch([Start(plan(prepared(tmp_path), "done")[0], 1, 0)])
    assert jobs.capacity() == 3
    wait_for(lambda: attempt.poll() is not None)


def test_a_machine_without_slurm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"^--engine slurm: .*srun"):
        slurm_engine.make_executor(slurm_engine.SlurmEngine(), tmp_path, 0)


def test_a_warning_of_the_scheduler_asks_the_trial_once(tmp_path):
    """SLURM signals every process of a job, the trial and what started it."""
    trial = plan(prepared(tmp_path), "sleep")[0]
    variables = {"OMP_NUM_THREADS": "1"}
    work = slurm_trial.SlurmTrial(fake(trial.path), variables, str(tmp_path / "log"))
    requeued = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: requeued.append(work.checkpoint().function))

    def warn():
        wait_for(lambda: attempts(trial))
        for pid in (int(attempts(trial)[0][0]), os.getpid()):
            os.kill(pid, signal.SIGUSR2)

    sender = threading.Thread(target=warn)
    sender.start()
    try:
        code = work()
    finally:
        signal.signal(signal.SIGUSR2, before)
        sender.join()
    assert code == 128 + signal.SIGTERM
    assert (trial.path / "signals").read_text() == f"{signal.SIGTERM:d}\n"
    assert run_json(trial.path)["status"] == "interrupted"
    assert (requeued[0].command, requeued[0].variables, requeued[0].pid) == (work.command, variables, 0)


# a real SLURM

VALUES = {
    **TINY,
    "training.epochs": 20,
    "training.patience": 100,
    "corpus.train_size": 100,
    "corpus.valid_size": 40,
    "corpus.test_size": 40,
}


@pytest.fixture(scope="module")
def slurm():
    """A cluster of one node; its environment."""
    if reason := slurm_cluster.obstacle():
        pytest.skip(reason)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-"))
        try:
            environment = stack.enter_context(slurm_cluster.running(Path(folder)))
        except (RuntimeError, OSError) as error:
            pytest.skip(f"the daemons of SLURM don't run here: {error}")
        yield environment


@pytest.fixture
def here(slurm, monkeypatch):
    """Makes this process one that finds the cluster, and looks at its queue often."""
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, slurm[name])
    monkeypatch.setattr(slurm_engine, "LOOK_SECONDS", 0.5)


def grid(out):
    return experiment(out, methods=("vanilla", "bn"), values=VALUES)


@pytest.fixture(scope="module")
def local_results(tmp_path_factory):
    out = tmp_path_factory.mktemp("local")
    run_experiment(grid(out))
    return results(out / "exp")


def queue():
    """Numbers of the jobs that run."""
    command = ["squeue", "--noheader", "--array", "--format=%i", "--states=running"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.slow
def test_a_real_array_and_a_job_whose_time_is_up(tmp_path, here, local_results):
    """The first trial to come so far is warned as at its time limit; it goes on from its checkpoint in the same job."""
    warned = []

    def on_event(event):
        if event.kind == "progress" and event.row["epoch"] >= 3 and not warned:
            warned.append(event.trial)
            subprocess.run(["scancel", "--signal=USR2", *queue()], check=True)

    events = []
    watch = lambda todo: lambda event: (events.append(event), on_event(event))  # noqa: E731
    engine = slurm_engine.SlurmEngine(("timeout_min=60",))
    made = grid(tmp_path)
    outcome = run_experiment(made, engine, watch=watch)
    assert set(outcome.statuses.values()) == {"done"}
    assert not [event for event in events if event.kind == "retried"], "SLURM itself requeued it"
    log = RunFolder(warned[0].path).log_path.read_text()
    assert sum(line.startswith("epoch 1  ") for line in log.splitlines()) == 1
    assert "the checkpoint is saved" in log
    assert results(tmp_path / "exp") == local_results


@pytest.mark.slow
def test_a_real_throttle_a_killed_trial_and_a_signal(tmp_path, here):
    trials = plan(prepared(tmp_path, seeds="0-3"), "kill done", "done", "sleep", "done")
    most, events, ended = 0, [], threading.Event()

    def count():
        nonlocal most
        while not ended.wait(0.1):
            most = max(most, len(queue()))
            if (trials[2].path / "attempts").exists() and most:
                os.kill(os.getpid(), signal.SIGINT)
                return

    counter = threading.Thread(target=count)
    counter.start()
    try:
        outcome = slurm_engine.SlurmEngine((), "slurm", fake).run(trials, events.append, Policy(jobs=1))
    finally:
        ended.set()
        counter.join()
    assert outcome.signal_number == signal.SIGINT
    statuses = list(outcome.statuses.values())
    assert statuses[1:] == ["done", "interrupted", "pending"]
    assert [event.trial for event in events if event.kind == "retried"] == [trials[0]]
    assert most == 1
    assert (trials[2].path / "signals").read_text() == f"{signal.SIGTERM:d}\n"


@pytest.mark.slow
def test_a_driver_that_dies_finds_its_jobs_again(tmp_path, here, local_results):
    """One job runs and one waits; neither is submitted twice."""
    made = grid(tmp_path)
    code = f"""
from pathlib import Path
from tests.engines.test_slurm import grid
from vaecli.engines.run_grid import run_experiment
from vaecli.engines.slurm_engine import SlurmEngine
run_experiment(grid(Path({str(tmp_path)!r})), SlurmEngine(("cpus_per_task=2",)))
"""
    driver = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    wait_for(lambda: any(len(RunFolder(trial.path).history()) >= 3 for trial in made.trials()), 120)
    driver.kill()
    driver.wait()
    jobs = (made.path / "slurm" / "jobs.json").read_text()
    assert sorted(json.loads(jobs)) == ["bn seed 0", "vanilla seed 0"]
    with pytest.raises(UsageError, match="this run is going on in another process"):
        run_experiment(made, overwrite=True)
    engine = slurm_engine.SlurmEngine()
    with pytest.raises(UsageError, match="this run is going on in another process"):
        run_experiment(made, engine, overwrite=True)
    outcome = run_experiment(made, engine)
    assert set(outcome.statuses.values()) == {"done"}
    assert (made.path / "slurm" / "jobs.json").read_text() == jobs, "nothing was submitted"
    assert results(tmp_path / "exp") == local_results
