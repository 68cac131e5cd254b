"""A trial as its files show it to somebody who writes nothing: where it stands, and whether anybody works on it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runs.grids import experiment, finish, prepared
from vaecli.core.errors import UsageError
from vaecli.core.files import write_atomic
from vaecli.runs import lock
from vaecli.runs.find_watched import find_watched
from vaecli.runs.folder import RunFolder
from vaecli.runs.grid_file import PLAN
from vaecli.runs.lock import OWNER, sign_of_owner, this_machine
from vaecli.runs.progress_file import PROGRESS, ProgressFile, Stand, read_stand
from vaecli.runs.watched import ExperimentWatch, label_of
from vaecli.training.progress import Progress

ROW = {"epoch": 1, "kl": 0.0, "mi": 0.0, "au": 0, "kl_weight": 1.0}


@pytest.fixture
def trials(tmp_path):
    return prepared(tmp_path, ["vanilla", "bn"], "0-1")


@pytest.fixture
def watch(trials):
    return ExperimentWatch(trials[0].path.parent.parent)


def states(watch):
    return {trial.name: trial.state for trial in watch.look()}


def snapshot(folder):
    """All that a writer, or a lock, would change."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in sorted(folder.rglob("*"))}


def test_the_trials_of_a_grid_in_its_order(watch, trials):
    assert states(watch) == {
        "vanilla seed 0": "waiting",
        "vanilla seed 1": "waiting",
        "bn seed 0": "waiting",
        "bn seed 1": "waiting",
    }
    first = watch.look()[0]
    assert (first.epochs, first.method, first.cost) == (trials[0].config.training.epochs, "vanilla", 1.0)


def test_a_trial_from_its_start_to_its_end(watch, trials):
    watch.look()
    folder = RunFolder(trials[0].path)
    with folder.lock():
        finish(trials[0], {}, status="running", corpus={"valid_sentences": 2000})
        (trials[0].path / PROGRESS).write_text(json.dumps(vars(Stand("training", 2, 8, 3, 10, 0.0, 12.0))))
        for epoch in (1, 2):
            folder.append_history({**ROW, "epoch": epoch})
        trial = watch.look()[0]
        assert (trial.state, trial.epochs_done, trial.stand.seconds_per_epoch) == ("running", 2.0, 12.0 / 1.3)
        assert [(a.epoch, a.state) for a in trial.alarms] == [(2, "collapsed")]
        finish(trials[0], {"rec": 20.0}, seconds=30.0, evaluation_seconds=10.0)
    trial = watch.look()[0]
    assert (trial.state, trial.stand, trial.values, trial.seconds) == ("done", None, {"rec": 20.0}, 30.0)
    finish(trials[1], {}, status="diverged", message="kl is inf")
    assert watch.look()[1].message == "diverged: kl is inf"


def test_a_run_of_more_stages_than_epochs_says_how_many_it_has(watch, trials):
    """Two stages have an epoch each, where one is planned; the first says nothing for good of the code."""
    planned = trials[0].config.training.epochs + 1
    folder = RunFolder(trials[0].path)
    with folder.lock():
        finish(trials[0], {}, status="running", corpus={"valid_sentences": 2000})
        (trials[0].path / PROGRESS).write_text(json.dumps(vars(Stand("training", planned, planned, 3, 10, 0.0, 12.0))))
        folder.append_history({**ROW, "epoch": planned - 1})
        trial = watch.look()[0]
    assert (trial.epochs, trial.alarms) == (planned, [])


def test_a_trial_that_waits_has_an_epoch_for_each_stage(tmp_path):
    trial = prepared(tmp_path, ["ae_pretrain"], sets=["training.epochs=1"])[0]
    assert ExperimentWatch(trial.path.parent.parent).look()[0].epochs == 2


def test_a_trial_that_is_begun_anew_between_two_looks_has_nothing_of_the_one_before(watch, trials):
    folder = RunFolder(trials[0].path)
    for epoch in (1, 2):
        folder.append_history({**ROW, "epoch": epoch})
    finish(trials[0], {}, status="running", corpus={"valid_sentences": 2000})
    (trials[0].path / PROGRESS).write_text(json.dumps(vars(Stand("training", 3, 8, 3, 10, 0.0, 12.0))))
    assert watch.look()[0].epochs_done == 2.3
    folder.create(trials[0].config, overwrite=True)
    with folder.lock():
        folder.update(status="running")
        trial = watch.look()[0]
    assert (trial.state, trial.rows, trial.alarms, trial.stand, trial.epochs_done) == ("running", [], [], None, 0.0)


def test_nothing_is_written_and_no_lock_is_taken(watch, trials):
    folder = RunFolder(trials[0].path)
    with folder.lock():
        finish(trials[0], {}, status="running")
        before = snapshot(watch.experiment)
        for _ in range(3):
            watch.look()
            watch.worker()
        assert snapshot(watch.experiment) == before


def test_files_that_have_not_changed_are_not_read_again(watch, trials, monkeypatch):
    finish(trials[0], {"rec": 20.0})
    watch.look()
    monkeypatch.setattr("vaecli.runs.watched.load_json", lambda path: pytest.fail(f"{path} was read"))
    assert states(watch)["vanilla seed 0"] == "done"


def test_a_damaged_file_leaves_a_trial_as_it_was_until_it_is_whole(watch, trials):
    watch.look()
    path = trials[0].path / "run.json"
    whole = path.read_text().replace('"pending"', '"done"')
    path.write_text(whole[:50])
    assert states(watch)["vanilla seed 0"] == "waiting"
    assert watch.unread[path.parent].startswith(f"{path.parent} can't be read: ")
    path.write_text(whole)
    assert states(watch)["vanilla seed 0"] == "done"
    assert not watch.unread


def test_a_trial_whose_process_was_killed_is_lost_and_says_whose(watch, trials):
    path = trials[0].path
    code = (
        "import os, signal, sys; from pathlib import Path; from vaecli.runs.folder import RunFolder\n"
        "folder = RunFolder(Path(sys.argv[1])); held = folder.lock(); held.__enter__()\n"
        "folder.update(status='running')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)])
    process.wait()
    trial = watch.look()[0]
    assert trial.state == "lost"
    assert trial.loss == f"process {process.pid} on {os.uname().nodename} is gone"
    assert RunFolder(path).status == "interrupted"  # as who may touch the lock sees it


def test_signs_of_life_of_another_machine(tmp_path, monkeypatch):
    owner = tmp_path / OWNER
    assert sign_of_owner(tmp_path) == "none"
    write_atomic(owner, json.dumps({"pid": 2**22 + 1, "host": "gpu3", "since": "", "machine": "another"}))
    assert sign_of_owner(tmp_path) == "alive"
    late = time.time() - lock.SILENCE - 1
    os.utime(owner, (late, late))
    assert sign_of_owner(tmp_path) == "silent"
    write_atomic(owner, json.dumps({"pid": os.getpid(), "host": "here", "machine": this_machine()}))
    assert sign_of_owner(tmp_path) == "alive"


def test_a_trial_that_is_silent_elsewhere_may_come_back(watch, trials):
    path = trials[0].path
    finish(trials[0], {}, status="running")
    write_atomic(path / OWNER, json.dumps({"pid": 1, "host": "gpu3", "machine": "another"}))
    late = time.time() - lock.SILENCE - 1
    os.utime(path / OWNER, (late, late))
    assert watch.look()[0].loss == "no sign of process 1 on gpu3 for two minutes and more"
    os.utime(path / OWNER)
    assert states(watch)["vanilla seed 0"] == "running"


def test_what_may_be_watched(tmp_path, trials):
    folder = trials[0].path.parent.parent
    assert len(find_watched(folder).look()) == 4
    assert len(find_watched(trials[0].path.parent).look()) == 2
    assert len(find_watched(trials[0].path).look()) == 1
    newer = prepared(tmp_path, ["bn"], "0", name="newer")
    os.utime(newer[0].path, (time.time() + 5, time.time() + 5))
    assert find_watched(tmp_path).experiment == tmp_path / "newer"
    with pytest.raises(UsageError, match="there is no run"):
        find_watched(tmp_path / "nowhere")


def test_rows_of_a_table_are_watched_together_and_told_apart(tmp_path):
    """Two rows may be of one method: a table's board averaged them, and nothing watched more than one of them."""
    table = tmp_path / "runs" / "kim2018"
    rows = {name: prepared(table, ["linear_anneal"], "0", name=name) for name in ("vae-oracle", "vae-learned")}
    write_atomic(table / PLAN, "{}")
    for watch in (find_watched(table), find_watched(tmp_path / "runs")):
        assert watch.experiment == table
        assert [trial.name for trial in watch.look()] == ["vae-learned seed 0", "vae-oracle seed 0"]
        assert watch.worker() == "none"
        with experiment(table, ["linear_anneal"], "0", name="vae-oracle").lock():
            assert watch.worker() == "alive"
            assert watch.since()
    own = find_watched(table / "vae-oracle")
    assert [trial.name for trial in own.look()] == ["linear_anneal seed 0"]
    assert own.row_of(rows["vae-oracle"][0].path) == ""


def test_a_run_is_watched_from_inside_its_folder(tmp_path, monkeypatch):
    (trial, *_) = prepared(tmp_path, ["bn"], "0", options={}, sets=["bn.gamma=0.3,0.5"], name="variants")
    for folder, name in ((trial.path, "."), (trial.path.parent, "seed-0"), (trial.path.parent, ".")):
        monkeypatch.chdir(folder)
        watch = find_watched(Path(name))
        assert ([watched.label for watched in watch.look()], watch.title) == ([trial.label], name)
        assert watch.experiment.samefile(trial.path.parent.parent)


def test_variants_are_named_as_compare_names_them(tmp_path):
    (trial, *_) = prepared(tmp_path, ["bn"], "0", options={}, sets=["bn.gamma=0.3,0.5"], name="variants")
    assert label_of("bn", trial.path.parent.name) == trial.label == "bn (bn.gamma=0.3)"
    assert label_of("my-own:bn", "my-own.bn--my-own-bn.gamma-0.3") == "my-own:bn (my-own-bn.gamma=0.3)"


# progress.json


def test_progress_is_written_now_and_then_and_removed(tmp_path):
    file = ProgressFile(tmp_path)
    file.plan(3, 100)
    for step in range(1, 100):
        file.step(Progress(step_in_epoch=step, total_epochs=1))
    assert read_stand(tmp_path).step == 1  # the others came within two seconds
    file.cost = 0.0
    file.step(Progress(step_in_epoch=100, total_epochs=1))
    stand = read_stand(tmp_path)
    assert (stand.doing, stand.epoch, stand.epochs, stand.step, stand.done) == ("validating", 2, 3, 100, 2.0)
    assert stand.begun == 1.01
    file.doing("measuring on test")
    assert read_stand(tmp_path).doing == "measuring on test"
    file.remove()
    file.remove()
    assert read_stand(tmp_path) is None


def test_a_slow_disk_is_written_to_less_often(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("vaecli.runs.progress_file.time.monotonic", lambda: now[0])

    def slow(*arguments, **more):
        now[0] += 0.01
        written.append(now[0])

    written = []
    monkeypatch.setattr("vaecli.runs.progress_file.write_atomic", slow)
    file = ProgressFile(tmp_path)
    file.plan(1, 10**9)
    for step in range(1, 10_001):
        now[0] += 0.01
        file.step(Progress(step_in_epoch=step))
    assert 2 <= len(written) <= 6  # 10 ms each in 100 s: a two-thousandth of the time


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"doing": 1}', '{"epoch": "x"}', "\x00"])
def test_a_spoiled_progress_file_says_nothing(tmp_path, text):
    (tmp_path / PROGRESS).write_text(text)
    assert read_stand(tmp_path) is None


def test_progress_that_can_not_be_written_costs_nothing(tmp_path):
    file = ProgressFile(tmp_path / "nowhere")
    file.doing("training")
    file.remove()
    assert not Path(tmp_path / "nowhere").exists()
