"""Trials that are copies of one process: the same figures, and the same ends, as those that are processes anew."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support import TINY, write_corpus

from tests.engines.finished import results
from tests.runs.grids import prepared, run_json
from vaecli.core.names import NURSERY
from vaecli.engines.copies import Nursery, can_copy
from vaecli.engines.engine import Policy
from vaecli.engines.local import LocalEngine
from vaecli.engines.worker import end_group, trial_command, worker_environment
from vaecli.runs.tables import write_tables

pytestmark = pytest.mark.skipif(not can_copy(), reason="only Linux has handles of processes")


def trials_of(out, epochs=2, **arguments):
    corpus = write_corpus(out / "corpus")
    values = {**TINY, "corpus.data": str(corpus), "training.epochs": epochs, "training.save_every": 0.0}
    return prepared(out, values=values, **arguments)


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
    return value


@pytest.fixture
def nursery():
    made = Nursery(worker_environment(1, None), 1)
    yield made
    if made.server is not None:
        made.close()


def test_figures_are_those_of_processes_of_their_own(tmp_path):
    """To the last digit; a grid of two methods, of which one learns from random numbers."""
    anew = lambda path: trial_command(path)  # noqa: E731  (another function, so no copies)
    for name, engine in (("copies", LocalEngine()), ("processes", LocalEngine(command=anew))):
        trials = trials_of(tmp_path, methods=("bn", "word_dropout"), name=name)
        outcome = engine.run(trials, lambda event: None, Policy(jobs=2))
        assert set(outcome.statuses.values()) == {"done"}
        write_tables(tmp_path / name)
    copies, processes = results(tmp_path / "copies"), results(tmp_path / "processes")
    for row in (*copies, *processes):
        del row["experiment"]
    assert copies == processes


def test_a_copy_is_a_process_of_its_own(tmp_path, nursery):
    (trial,) = trials_of(tmp_path)
    process = nursery.start(trial.path, trial.path / "log.txt")
    assert process.poll() is None
    assert process.pid == 0, "the server still imports"
    pid = wait_for(lambda: process.poll() is None and process.pid)
    assert parent_of(pid) == nursery.server.pid
    wait_for(lambda: os.getpgid(pid) == pid)
    assert process.wait() == 0
    assert run_json(trial.path)["status"] == "done"
    assert "figures, history and checkpoint" in (trial.path / "log.txt").read_text()
    command = Path(f"/proc/{nursery.server.pid}/cmdline").read_bytes().split(b"\0")
    assert NURSERY.encode() in command


def test_a_trial_that_fails_says_why_in_its_log(tmp_path, nursery):
    (trial,) = trials_of(tmp_path)
    (tmp_path / "corpus" / "valid.txt").unlink()
    process = nursery.start(trial.path, trial.path / "log.txt")
    assert process.wait() == 3
    assert "valid.txt" in (trial.path / "log.txt").read_text().splitlines()[-1]


def test_a_signal_stops_a_copy_with_its_checkpoint(tmp_path, nursery):
    (trial,) = trials_of(tmp_path, epochs=2000)
    process = nursery.start(trial.path, trial.path / "log.txt")
    wait_for(lambda: process.poll() is None and (trial.path / "history.csv").exists())
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert run_json(trial.path)["status"] == "interrupted"


def test_a_signal_before_the_copy_is_there_reaches_it(tmp_path, nursery):
    (trial,) = trials_of(tmp_path, epochs=2000)
    process = nursery.start(trial.path, trial.path / "log.txt")
    process.send_signal(signal.SIGTERM)
    assert process.wait() in (128 + signal.SIGTERM, -signal.SIGTERM)


def test_a_copy_without_a_group_of_its_own_yet_is_killed(monkeypatch):
    def none(pid, number):
        raise ProcessLookupError

    monkeypatch.setattr("os.killpg", none)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        end_group(process)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("begun", [False, True])
def test_a_copy_is_killed_and_nobody_else(tmp_path, nursery, begun):
    first, second = trials_of(tmp_path, epochs=2000, seeds="0-1")
    process, other = (nursery.start(trial.path, trial.path / "log.txt") for trial in (first, second))
    if begun:
        wait_for(lambda: process.poll() is None and process.pid)
    end_group(process)
    assert process.poll() == -signal.SIGKILL
    wait_for(lambda: other.poll() is None and (second.path / "history.csv").exists())
    end_group(other)


def test_trials_of_a_server_that_was_killed_are_tried_again(tmp_path):
    trials = trials_of(tmp_path, epochs=30, seeds="0-1")
    killed = []

    def on_event(event):
        if event.kind == "progress" and not killed:
            children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
            names = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in children}
            (server,) = [pid for pid, command in names.items() if NURSERY.encode() in command]
            os.kill(server, signal.SIGKILL)
            killed.append(server)

    outcome = LocalEngine(poll_seconds=0.02).run(trials, on_event, Policy(jobs=2))
    assert killed
    assert set(outcome.statuses.values()) == {"done"}
    for trial in trials:
        with open(trial.path / "history.csv") as file:
            assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, 31))


def test_a_copy_that_saves_long_after_its_server_is_gone_is_waited_for(tmp_path, nursery, monkeypatch):
    """While another trial has begun under a new server."""
    first, second = trials_of(tmp_path, epochs=2000, seeds="0-1")
    process = nursery.start(first.path, first.path / "log.txt")
    wait_for(lambda: process.poll() is None and (first.path / "history.csv").exists())
    monkeypatch.setattr(process, "is_gone", lambda: False)
    server = nursery.server
    server.kill()
    server.wait()
    other = nursery.start(second.path, second.path / "log.txt")
    assert nursery.server is not server
    wait_for(lambda: other.poll() is None and (second.path / "history.csv").exists())
    assert process.poll() is None, "it is still there"
    monkeypatch.undo()
    assert process.wait() == -signal.SIGKILL
    assert run_json(first.path)["status"] == "interrupted"
    end_group(other)


def test_a_server_that_is_lost_as_it_is_asked_is_no_fault_of_the_trial(tmp_path, nursery):
    first, second = trials_of(tmp_path, seeds="0-1")
    nursery.start(first.path, first.path / "log.txt")
    reader, writer = os.pipe()
    os.close(reader)
    nursery.server.stdin.close()
    nursery.server.stdin = open(writer, "wb")  # noqa: SIM115  (closed with the nursery)
    process = nursery.start(second.path, second.path / "log.txt")
    nursery.server.kill()
    assert process.wait() == -signal.SIGKILL


def test_copies_end_with_their_supervisor(tmp_path):
    (trial,) = trials_of(tmp_path, epochs=2000)
    code = (
        "import sys; from pathlib import Path; from vaecli.engines.copies import Nursery; "
        "from vaecli.engines.worker import worker_environment; path = Path(sys.argv[1]); "
        "p = Nursery(worker_environment(1, None), 1).start(path, path / 'log.txt'); p.wait()"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code, str(trial.path)])
    wait_for(lambda: (trial.path / "history.csv").exists())
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: run_json(trial.path)["status"] == "interrupted")


def test_a_corpus_is_read_once(tmp_path):
    """The text is gone before the second trial begins, which has it from the process that it is a copy of."""
    trials = trials_of(tmp_path, seeds="0-1")

    def on_event(event):
        if event.kind == "finished":
            (tmp_path / "corpus" / "train.txt").unlink(missing_ok=True)

    outcome = LocalEngine(poll_seconds=0.02).run(trials, on_event, Policy(jobs=1))
    assert set(outcome.statuses.values()) == {"done"}
