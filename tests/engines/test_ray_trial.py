"""The holder of a trial on a machine of a cluster, without the cluster."""

import signal
import subprocess
import time
from types import SimpleNamespace

import pytest
from filelock import FileLock

import vaecli
from tests.runs.grids import prepared
from tests.support import TINY
from vaecli.core.errors import UsageError
from vaecli.engines.parcel import LAST_FILE, pack_corpus, pack_reference, pack_run, receive
from vaecli.engines.ray_trial import HELD, PREFIX, TrialHost, sweep_abandoned
from vaecli.runs.folder import RunFolder

SMALL = {f"corpus.{split}_size": 40 for split in ("train", "valid", "test")}
THREADS = {"OMP_NUM_THREADS": "1"}


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Makes a trial and its holder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    hosts = []

    def make(**values):
        trial = prepared(tmp_path / "runs", values={**TINY, **SMALL, **values})[0]
        text = pack_corpus(trial.config.corpus, tmp_path)
        host = TrialHost(vaecli.__version__, pack_run(trial.path, text), text, pack_reference("", tmp_path), THREADS)
        hosts.append(host)
        return trial, host

    yield make
    for host in hosts:
        host.close()


def collect(host, trial, until, known=None, printed=0):
    """Asks for reports, and writes them, until one of them is what is waited for."""
    known, deadline = known or {}, time.monotonic() + 60
    while time.monotonic() < deadline:
        report = host.report(known, printed)
        receive(report.files, trial.path)
        known, printed = report.known, printed + len(report.log)
        if until(report):
            return report
        time.sleep(0.05)
    raise AssertionError("it never happened")


def test_a_trial_runs_and_comes_back(start):
    trial, host = start()
    report = collect(host, trial, lambda report: report.code is not None)
    folder = RunFolder(trial.path)
    assert report.code == 0
    assert folder.run()["status"] == "done"
    assert folder.run()["threads"] == 1
    assert [row["epoch"] for row in folder.history()] == [1, 2]
    assert folder.metrics()["values"]["rec"] > 0
    assert folder.config() == trial.config, "its settings are not those of the other machine"
    host.close()
    assert not host.scratch.exists()


def test_a_signal_lets_it_save_and_another_machine_goes_on(start, tmp_path):
    trial, host = start(**{"training.epochs": 10_000})
    folder = RunFolder(trial.path)
    collect(host, trial, lambda report: LAST_FILE in report.files and len(folder.history()) >= 1)
    host.ask(signal.SIGTERM)
    report = collect(host, trial, lambda report: report.code is not None)
    assert (report.code, folder.run()["status"]) == (128 + signal.SIGTERM, "interrupted")
    rows = len(folder.history())
    assert rows >= 1
    text = pack_corpus(trial.config.corpus, tmp_path)
    other = TrialHost(vaecli.__version__, pack_run(trial.path, text), text, pack_reference("", tmp_path), THREADS)
    try:
        collect(other, trial, lambda report: len(folder.history()) > rows)
    finally:
        other.close()
    epochs = [row["epoch"] for row in folder.history()]
    assert epochs == list(range(1, len(epochs) + 1))


def test_closing_ends_the_trial(start):
    _, host = start(**{"training.epochs": 10_000})
    host.close()
    assert host.process.returncode == -signal.SIGKILL


def test_a_trial_has_the_threads_that_it_was_given_whatever_its_worker_had_before(start, monkeypatch):
    # a worker of Ray keeps the threads of its first task, in its environment and torch; a trial is a process beside it
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    told = {}
    programs = SimpleNamespace(Popen=lambda command, env, **how: told.update(env), DEVNULL=subprocess.DEVNULL)
    monkeypatch.setattr("vaecli.engines.ray_trial.subprocess", programs)
    monkeypatch.setattr("vaecli.engines.ray_trial.end_group", lambda process: None)
    start()
    assert told["OMP_NUM_THREADS"] == THREADS["OMP_NUM_THREADS"] == "1"


def test_another_version_of_the_package_is_refused(start):
    with pytest.raises(UsageError, match=rf"has vaecli {vaecli.__version__}, the driver 0\.0"):
        TrialHost("0.0", {}, None, None, {})


def test_folders_of_holders_that_were_killed_are_removed(tmp_path):
    abandoned, held, begun = (tmp_path / f"{PREFIX}{name}" for name in ("abandoned", "held", "begun"))
    other = tmp_path / "other"
    for folder in (abandoned, held, begun, other):
        folder.mkdir()
    for folder in (abandoned, held, other):
        (folder / HELD).touch()
    with FileLock(held / HELD):
        sweep_abandoned(tmp_path)
    assert not abandoned.exists()
    assert held.exists()
    assert begun.exists()
    assert other.exists()
