"""The supervisor, with workers that end in every way there is."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.runs.grids import prepared, run_json
from vaecli.core.resources import cores
from vaecli.core.signals import STOPPING
from vaecli.engines.engine import Policy
from vaecli.engines.local import LocalEngine, resolve_jobs
from vaecli.engines.worker import worker_environment
from vaecli.runs.folder import RunFolder

FAKE = Path(__file__).with_name("fake_worker.py")


def fake(path):
    return [sys.executable, str(FAKE), str(path)]


def plan(trials, *steps):
    for trial, step in zip(trials, steps, strict=True):
        (trial.path / "plan").write_text(step)
    return trials


def engine(command=fake, **arguments):
    return LocalEngine(command=command, poll_seconds=0.02, **arguments)


def run(trials, **policy):
    events = []
    return engine().run(trials, events.append, Policy(**policy)), events


def ignore(event):
    pass


def attempts(trial):
    path = trial.path / "attempts"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def alive(pid):
    """Whether a process runs; one that nobody has collected yet doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_that_fails_stops_no_other(tmp_path):
    trials = plan(prepared(tmp_path, seeds="0-4"), "done", "fail", "explain", "diverge", "done")
    outcome, events = run(trials, jobs=3)
    assert list(outcome.statuses.values()) == ["done", "failed", "failed", "diverged", "done"]
    assert outcome.signal_number is None
    runs = [run_json(trial.path) for trial in trials]
    assert [r["status"] for r in runs] == list(outcome.statuses.values())
    assert runs[1]["message"] == "vae: no such file: x", "the last line of the log, without colours"
    assert runs[2]["message"] == "DataError: bad corpus", "the worker's own word"
    assert [len(attempts(trial)) for trial in trials] == [1] * 5, "ordinary failures are not repeated"
    finished = {event.trial.name: event for event in events if event.kind == "finished"}
    assert len(finished) == 5
    assert finished["vanilla seed 3"].message == "step 3: the training kl is inf"


def test_rows_of_the_history_are_told(tmp_path):
    trials = prepared(tmp_path)
    _, events = run(trials)
    assert [event.kind for event in events] == ["started", "progress", "finished"]
    assert events[1].row == {"epoch": 1, "kl": 0.5}
    assert "working" in RunFolder(trials[0].path).log_path.read_text()


def test_a_killed_worker_is_tried_again(tmp_path):
    trials = plan(prepared(tmp_path, seeds="0-1"), "kill done", "done")
    outcome, events = run(trials, jobs=1)
    assert list(outcome.statuses.values()) == ["done", "done"]
    assert len(attempts(trials[0])) == 2
    retried = next(event for event in events if event.kind == "retried")
    assert retried.message == "killed by SIGKILL, perhaps out of memory, in attempt 1; its last line: working"


@pytest.mark.parametrize("retries", [0, 2])
def test_a_worker_that_is_killed_every_time_fails_after_the_retries(tmp_path, retries):
    trials = plan(prepared(tmp_path, seeds="0-1"), "kill", "done")
    outcome, _ = run(trials, jobs=2, max_retries=retries)
    assert list(outcome.statuses.values()) == ["failed", "done"]
    assert len(attempts(trials[0])) == retries + 1
    assert run_json(trials[0].path)["message"].startswith("killed by SIGKILL")


def test_a_worker_that_ends_without_finishing_failed(tmp_path):
    trials = plan(prepared(tmp_path), "silent")
    outcome, _ = run(trials)
    assert list(outcome.statuses.values()) == ["failed"]
    assert run_json(trials[0].path)["message"] == "working"


def test_a_run_folder_that_vanishes_harms_only_itself(tmp_path):
    trials = plan(prepared(tmp_path, seeds="0-1"), "break", "done")
    outcome, _ = run(trials, jobs=1)
    assert list(outcome.statuses.values()) == ["failed", "done"]


def test_a_command_that_does_not_exist_is_a_failure(tmp_path):
    trials = prepared(tmp_path)
    outcome = engine(lambda path: ["/no/such/program"]).run(trials, ignore, Policy())
    assert list(outcome.statuses.values()) == ["failed"]
    assert run_json(trials[0].path)["message"] == "can't start /no/such/program: No such file or directory"


def test_a_run_that_another_process_has_is_left_to_it(tmp_path):
    trials = prepared(tmp_path, seeds="0-1")
    folder = RunFolder(trials[0].path)
    with folder.lock():
        folder.update(status="running")
        outcome, events = run(trials)
        assert folder.run()["status"] == "running"
    assert list(outcome.statuses.values()) == ["failed", "done"]
    assert f"in use by process {os.getpid()}" in events[0].message
    assert attempts(trials[0]) == []


def test_jobs_bound_what_runs_at_a_time_and_share_cores_and_gpus(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    trials = prepared(tmp_path, seeds="0-4")
    most, now = 0, 0

    def count(event):
        nonlocal most, now
        now += {"started": 1, "finished": -1}.get(event.kind, 0)
        most = max(most, now)

    engine(gpus=["4", "7"]).run(trials, count, Policy(jobs=2))
    assert most == 2
    seen = [attempts(trial)[0] for trial in trials]
    assert {line[2] for line in seen} == {str(max(1, cores() // 2))}
    assert {line[3] for line in seen} == {"4", "7"}
    assert all(line[1] == str(os.getpid()) for line in seen), "the guard becomes the worker"


def test_threads_that_the_user_chose_stay(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    made = worker_environment(2, None)
    assert (made["OMP_NUM_THREADS"], made["MKL_NUM_THREADS"]) == ("3", "2")
    assert "CUDA_VISIBLE_DEVICES" not in made


@pytest.mark.parametrize(
    ("jobs", "trials", "gpus", "result"), [(3, 10, 0, 3), (3, 2, 0, 2), (0, 1, 0, 1), (0, 9, 2, 2), (1, 0, 0, 1)]
)
def test_resolve_jobs(jobs, trials, gpus, result):
    assert resolve_jobs(jobs, trials, gpus) == result


def test_no_jobs_given_is_one_a_core():
    assert resolve_jobs(0, 10_000) == cores()


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
def test_the_first_signal_is_passed_on_once_and_nothing_more_starts(tmp_path, number):
    trials = plan(prepared(tmp_path, seeds="0-2"), "sleep", "sleep", "done")
    ready = lambda: all(attempts(trial) for trial in trials[:2])  # noqa: E731
    sender = threading.Thread(target=lambda: (wait_for(ready), os.kill(os.getpid(), number)))
    before = signal.getsignal(number)
    sender.start()
    outcome, _ = run(trials, jobs=2)
    sender.join()
    assert signal.getsignal(number) is before
    assert outcome.signal_number == number
    assert list(outcome.statuses.values()) == ["interrupted", "interrupted", "pending"]
    assert [(trial.path / "signals").read_text() for trial in trials[:2]] == [f"{number:d}\n"] * 2
    assert attempts(trials[2]) == []
    assert run_json(trials[0].path)["message"] == "saved"


def test_the_second_signal_kills(tmp_path):
    trials = plan(prepared(tmp_path), "deaf")

    def send():
        wait_for(lambda: attempts(trials[0]))
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(lambda: (trials[0].path / "signals").exists())
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    outcome, _ = run(trials)
    sender.join()
    assert outcome.signal_number == signal.SIGINT
    assert not alive(attempts(trials[0])[0][0])
    assert run_json(trials[0].path)["status"] == "interrupted"


def test_fail_fast_lets_the_others_save_and_starts_no_more(tmp_path):
    trials = plan(prepared(tmp_path, seeds="0-2"), "sleep", "fail", "done")
    # the failing one starts second, so that the first is at work by then
    outcome, _ = run(trials, jobs=2, fail_fast=True)
    assert list(outcome.statuses.values())[1:] == ["failed", "pending"]
    assert outcome.statuses["vanilla seed 0"] in ("interrupted", "pending"), "it may not have begun yet"
    assert outcome.signal_number is None


def test_a_supervisor_that_breaks_leaves_no_worker(tmp_path):
    trials = plan(prepared(tmp_path), "sleep")

    def broken(event):
        wait_for(lambda: attempts(trials[0]))
        raise RuntimeError("display")

    with pytest.raises(RuntimeError, match="display"):
        engine().run(trials, broken, Policy())
    assert not alive(attempts(trials[0])[0][0])
    assert run_json(trials[0].path)["status"] == "interrupted"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's part is Linux's; see test_guard")
def test_a_supervisor_that_is_killed_leaves_no_worker(tmp_path):
    trials = plan(prepared(tmp_path, seeds="0-1"), "sleep", "sleep")
    code = f"""
import sys
from pathlib import Path
from vaecli.engines.engine import Policy
from vaecli.engines.local import LocalEngine
from vaecli.runs.experiment import Trial
from vaecli.runs.folder import RunFolder
paths = [Path(p) for p in {[str(t.path) for t in trials]!r}]
trials = [Trial("vanilla", n, RunFolder(p).config(), p) for n, p in enumerate(paths)]
engine = LocalEngine(command=lambda path: [sys.executable, {str(FAKE)!r}, str(path)])
engine.run(trials, lambda event: None, Policy(jobs=2))
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: all(attempts(trial) for trial in trials), 60)
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: not any(alive(attempts(trial)[0][0]) for trial in trials))
    assert [run_json(trial.path)["status"] for trial in trials] == ["interrupted"] * 2
