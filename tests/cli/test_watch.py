"""`vae watch`: the view of an experiment that another process runs, from its files."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from support import loaded_by_help
from typer.testing import CliRunner

from tests.runs.grids import finish, prepared
from vaecli.cli.app import app
from vaecli.cli.watch import wait
from vaecli.core.errors import TrialsFailedError, UsageError
from vaecli.runs.folder import RunFolder
from vaecli.runs.lock import FolderLock

ROW = {"epoch": 1, "kl": 0.0, "mi": 0.0, "au": 0, "kl_weight": 1.0, "neg_elbo": 24.0}


@pytest.fixture
def trials(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    return prepared(tmp_path / "runs", ["bn"], "0-1")


def watch(*words):
    result = CliRunner().invoke(app, ["watch", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_once_prints_the_newest_experiment(trials):
    finish(trials[0], {"rec": 22.0, "kl": 3.0, "mi": 2.0, "neg_elbo": 25.0, "au": 16})
    with FolderLock(trials[0].path.parent.parent).hold():
        result = watch("--once")
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "runs/exp  2 trials: 1 done, 0 running, 1 waiting"
    assert "so far, time left not known yet" in lines[1]
    assert lines[-1].split() == ["bn", "1/2", "22.00", "3.00", "25.00", "2.00", "16.0", "informative"]


def test_once_of_a_run(trials):
    finish(trials[0], {"rec": 22.0})
    assert watch("runs/exp/bn/seed-0", "--once").output.startswith("runs/exp/bn/seed-0  1 trial: 1 done")


def test_a_finished_experiment_ends_at_once_and_well(trials):
    for trial in trials:
        finish(trial, {"rec": 22.0})
    result = watch("--period", "0.2")
    assert result.exit_code == 0
    assert result.output == "2 trials: 2 done, 0 running, 0 waiting; 0s in all trials\n"


def test_between_two_rounds_of_a_search_it_waits(trials):
    for trial in trials:
        finish(trial, {"rec": 22.0})
    began, held = time.monotonic(), threading.Event()

    def search():
        with FolderLock(trials[0].path.parent.parent).hold():
            held.set()
            time.sleep(0.8)

    worker = threading.Thread(target=search)
    worker.start()
    assert held.wait(5)
    result = watch("--period", "0.2")
    worker.join()
    assert result.exit_code == 0
    assert time.monotonic() - began >= 0.8


def test_trials_that_failed_are_its_exit_code(trials):
    finish(trials[0], {"rec": 22.0})
    finish(trials[1], {}, status="failed", message="DataError: x")
    with pytest.raises(TrialsFailedError, match=r"1 of 2 trials not done\n  bn seed 1: failed: DataError: x") as end:
        watch("--once")
    assert end.value.exit_code == 5


def test_where_nobody_works_there_is_nothing_to_wait_for(trials, monkeypatch):
    monkeypatch.setattr("vaecli.cli.watch.IDLE_SECONDS", 0.1)
    with pytest.raises(TrialsFailedError, match="2 of 2 trials not done; nobody works on them"):
        watch("--period", "0.2")


def test_plain_lines_follow_what_another_process_does(trials):
    def work():
        experiment = trials[0].path.parent.parent
        with FolderLock(experiment).hold():
            for trial in trials:
                folder = RunFolder(trial.path)
                with folder.lock():
                    folder.update(status="running", corpus={"valid_sentences": 2000})
                    for epoch in (1, 2):
                        folder.append_history({**ROW, "epoch": epoch})
                    time.sleep(0.6)
                    finish(trial, {"rec": 24.0})

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.1)
    result = watch("--period", "0.2")
    worker.join()
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("2 trials: 0 done, ")
    for line in ("[0/2] bn seed 0: done", "[1/2] bn seed 1: started", "[2/2] bn seed 1: done"):
        assert line.replace("[0/2]", "[1/2]") in lines
    assert sum("collapsed at epoch 2" in line for line in lines) >= 1


def test_a_folder_without_trials_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="runs: there is no run and no experiment to watch; `vae train`"):
        watch()


def test_a_stream_without_the_characters_gets_others(trials):
    finish(trials[0], {"rec": 22.0})
    finish(trials[1], {"rec": 22.0})
    command = [sys.executable, "-m", "vaecli", "watch", "--once"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    process = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"####" in process.stdout


def test_a_message_can_not_steer_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr("vaecli.cli.grid.follow", lambda lookout, say: iter([say("failed: \x1b[2Jno corpus")][:0]))
    wait(SimpleNamespace())
    assert capsys.readouterr().out == "failed: \\x1b[2Jno corpus\n"


def test_watching_loads_no_torch():
    assert loaded_by_help("watch", ["torch", "pandas", "vaecli.config"]) == []
    code = (
        "import sys; from vaecli.cli.grid import LiveGrid; from vaecli.runs.find_watched import find_watched;"
        "from vaecli.cli.lookout import Lookout; print([m for m in ('torch', 'pandas') if m in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"


def test_a_terminal_shows_the_board_and_is_given_back_at_ctrl_c(trials):
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with FolderLock(trials[0].path.parent.parent).hold():
        process = subprocess.Popen(
            [sys.executable, "-m", "vaecli", "watch"], stdout=follower, stderr=follower, env=environment
        )
        os.close(follower)
        drawn = b""
        while b"2 waiting" not in drawn:
            drawn += os.read(leader, 65536)
        process.send_signal(signal.SIGINT)
        try:
            while part := os.read(leader, 65536):
                drawn += part
        except OSError:
            pass
    assert process.wait() == 130
    assert drawn.count(b"\x1b[?1049h") == drawn.count(b"\x1b[?1049l") == 1
    assert b"Traceback" not in drawn
