"""A trial that lives and does nothing is reported, and otherwise left alone."""

import os
import signal

import pytest

from tests.engines.test_local import attempts, engine, plan, wait_for
from tests.runs.grids import prepared
from vaecli.engines.engine import Policy
from vaecli.engines.silence import SILENT_SECONDS, Silence, is_stopped
from vaecli.runs.folder import RunFolder


@pytest.fixture
def folder(tmp_path):
    return RunFolder(prepared(tmp_path)[0].path)


def test_silence_is_reported_once_and_again_after_twice_as_long(folder):
    now = 0.0
    silence = Silence(folder, clock=lambda: now)

    def after(seconds):
        nonlocal now
        now += seconds
        return silence.words()

    assert after(10) == ""
    assert after(SILENT_SECONDS - 1) == ""
    assert after(10) == "it lives, but has written nothing for 15 minutes"
    assert after(SILENT_SECONDS - 20) == ""
    assert after(100) == "it lives, but has written nothing for 31 minutes"
    folder.log_path.write_text("a sign of life")
    assert after(10) == ""
    assert after(SILENT_SECONDS - 10) == ""


def test_a_checkpoint_is_a_sign_of_life(folder):
    now = 0.0
    silence = Silence(folder, clock=lambda: now)
    for _ in range(5):
        now += SILENT_SECONDS / 2
        folder.checkpoint_path.mkdir(exist_ok=True)
        (folder.checkpoint_path / f"{now}").touch()
        os.utime(folder.checkpoint_path, (now, now))
        assert silence.words() == ""


def test_a_fault_is_told_at_once_and_once(folder):
    silence = Silence(folder, clock=lambda: 0.0)
    told = [silence.words(fault) for fault in ("", "stopped", "stopped", "", "stopped")]
    assert told[:3] == ["", "stopped", ""]


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="the states of processes are read from /proc")
def test_a_stopped_worker_is_reported_and_not_killed(tmp_path):
    trials = plan(prepared(tmp_path), "sleep")
    events = []

    def on_event(event):
        events.append(event)
        pid = int(attempts(trials[0])[0][0]) if attempts(trials[0]) else 0
        if event.kind == "started":
            wait_for(lambda: attempts(trials[0]))
            os.kill(int(attempts(trials[0])[0][0]), signal.SIGSTOP)
        elif event.kind == "silent":
            assert is_stopped(pid)
            os.kill(pid, signal.SIGCONT)
            os.kill(os.getpid(), signal.SIGTERM)

    outcome = engine().run(trials, on_event, Policy())
    pid = attempts(trials[0])[0][0]
    message = f"its process {pid} is stopped, and goes on with `kill -CONT {pid}`"
    assert [(event.kind, event.message) for event in events if event.kind == "silent"] == [("silent", message)]
    assert list(outcome.statuses.values()) == ["interrupted"]
