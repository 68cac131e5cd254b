"""A worker never outlives its supervisor."""

import os
import signal
import subprocess
import sys

import pytest

from vaecli.engines import guard


def test_the_guard_hands_on_the_exit_code():
    command = [sys.executable, "-m", "vaecli.engines.guard", str(os.getpid()), sys.executable, "-c", "exit(7)"]
    assert subprocess.run(command).returncode == 7


def test_a_guard_whose_supervisor_is_gone_starts_nothing(tmp_path):
    command = [sys.executable, "-m", "vaecli.engines.guard", "1", "touch", str(tmp_path / "made")]
    assert subprocess.run(command).returncode == 128 + signal.SIGTERM
    assert not (tmp_path / "made").exists()


def test_watching_gives_the_workers_end():
    assert guard.watch([sys.executable, "-c", "exit(3)"], os.getppid(), every=0.05) == 3
    killed = "import os; os.kill(os.getpid(), 9)"
    assert guard.watch([sys.executable, "-c", killed], os.getppid(), every=0.05) == -9


def test_watching_ends_the_worker_when_the_supervisor_is_gone():
    parents = iter([10, 10, 1, 1, 1, 1, 1])
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert guard.watch(sleeper, 10, parent=lambda: next(parents, 1), every=0.05) == -signal.SIGTERM
    assert next(parents) == 1, "it looked again and again, and asked only once"


def test_watching_passes_signals_on_and_restores_the_handlers():
    before = signal.getsignal(signal.SIGTERM)
    code = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    assert guard.watch([sys.executable, "-c", code], os.getppid(), every=0.05) == -signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's part is Linux's")
def test_where_the_kernel_does_not_watch_the_guard_stays(tmp_path):
    code = (
        "import sys; from vaecli.engines import guard; guard.bind_to_parent = lambda: False; "
        "sys.exit(guard.main(sys.argv[1:]))"
    )
    killed = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    assert subprocess.run([sys.executable, "-c", code, str(os.getpid()), *killed]).returncode == -9
