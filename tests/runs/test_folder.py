"""Run folders: marker, statuses, resuming, and what is never touched."""

import errno
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from filelock import FileLock

from vaecli.config import RunConfig, build_config
from vaecli.core.errors import UsageError
from vaecli.runs.experiment import find_runs
from vaecli.runs.folder import FORMAT, MORE_EPOCHS, OLDEST, RunFolder, config_changes, run_path
from vaecli.runs.lock import LOCK, OWNER


def config(**training):
    return build_config({"training": training, "hyper": {"bn": {"gamma": 0.5}}, "method": "bn"})


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "exp" / "bn" / "seed-0").create(config(), experiment="exp")


def test_a_new_folder_is_pending_and_knows_its_settings_and_surroundings(folder):
    run = folder.run()
    assert folder.exists
    assert (folder.status, run["method"], run["seed"], run["experiment"]) == ("pending", "bn", 0, "exp")
    assert {"python", "torch", "vaecli"} <= set(run["versions"])
    assert run["platform"]
    assert run["cpu"]
    assert run["command"]
    assert folder.config() == config()
    assert folder.metrics() == {}
    assert folder.history() == []


def test_settings_that_are_unset_come_back_unset(tmp_path):
    want = build_config({"model": {"init_range": 0.01}})
    assert RunFolder(tmp_path / "a").create(want).config() == want
    assert RunFolder(tmp_path / "b").create(RunConfig()).config() == RunConfig()


def test_statuses(folder):
    for status in ("done", "diverged", "failed", "interrupted", "pending"):
        folder.update(status=status, message="m")
        assert folder.status == status
    with pytest.raises(UsageError, match="did you mean 'done'"):
        folder.update(status="doen")
    assert folder.status == "pending"


def test_running_means_that_someone_holds_the_lock(folder):
    with folder.lock():
        folder.update(status="running")
        assert RunFolder(folder.path).status == "running"
    assert folder.status == "interrupted"


def test_running_of_a_process_that_was_killed_is_interrupted(folder):
    code = f"""
import os, signal
from pathlib import Path
from vaecli.runs.experiment import find_runs
from vaecli.runs.folder import RunFolder
folder = RunFolder(Path({str(folder.path)!r}))
with folder.lock():
    folder.update(status="running")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert folder.run()["status"] == "running"
    assert folder.status == "interrupted"
    with folder.lock():  # and its lock is free again
        pass


def test_a_second_process_is_told_who_has_the_folder(folder):
    code = f"""
import sys
from pathlib import Path
from vaecli.core.errors import UsageError
from vaecli.runs.experiment import find_runs
from vaecli.runs.folder import RunFolder
try:
    with RunFolder(Path({str(folder.path)!r})).lock():
        print("locked")
except UsageError as error:
    print(error)
"""

    def other():
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    with folder.lock(), folder.lock():
        assert f"is in use by process {os.getpid()} on " in other()
    assert other() == "locked\n"
    assert not (folder.path / OWNER).exists()


def test_the_lock_sweeps_what_killed_writers_left(folder):
    folder.checkpoint_path.mkdir()
    orphans = [folder.path / ".run.json.1.tmp", folder.checkpoint_path / ".last.safetensors.1.tmp"]
    for path in orphans:
        path.touch()
    RunFolder.open(folder.path).status  # noqa: B018 - readers leave them alone: their writer may be alive
    assert all(path.exists() for path in orphans)
    with folder.lock():
        assert not any(path.exists() for path in orphans)


def test_an_existing_run_is_kept_without_overwrite(folder):
    folder.update(status="done")
    folder.write_metrics({"values": {"kl": 1.0}})
    with pytest.raises(UsageError, match=r"a run is here already \(done\); --resume it or --overwrite it"):
        RunFolder(folder.path).create(config(epochs=3))
    assert (folder.status, folder.metrics()) == ("done", {"values": {"kl": 1.0}})


def test_overwrite_deletes_all_of_the_earlier_run(folder, tmp_path):
    folder.append_history({"epoch": 1})
    folder.write_metrics({})
    folder.checkpoint_path.mkdir()
    (folder.checkpoint_path / "last.safetensors").touch()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (folder.path / "link").symlink_to(outside)
    folder.create(config(epochs=3), overwrite=True)
    assert {p.name for p in folder.path.iterdir()} == {"run.json", "config.toml", LOCK}
    assert folder.config().training.epochs == 3
    assert (outside / "kept").exists(), "links are removed, not followed"


@pytest.mark.parametrize("content", [None, "{}", '{"marker": "something else"}', "[]"])
def test_a_folder_without_our_marker_is_never_touched(tmp_path, content):
    path = tmp_path / "thesis"
    path.mkdir()
    (path / "chapter.tex").write_text("years of work")
    if content is not None:
        (path / "run.json").write_text(content)
    before = sorted(p.name for p in path.iterdir())
    with pytest.raises(UsageError, match="no run of vae"):
        RunFolder(path).create(RunConfig(), overwrite=True)
    assert sorted(p.name for p in path.iterdir()) == before


def test_a_damaged_marker_is_no_marker(folder):
    (folder.path / "run.json").write_text("{")
    with pytest.raises(UsageError, match=r"run\.json: damaged"):
        folder.create(RunConfig(), overwrite=True)
    assert (folder.path / "config.toml").exists()


def test_a_linked_run_folder_is_not_followed(folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder.path)
    with pytest.raises(UsageError, match="is a link"):
        RunFolder(link).create(RunConfig(), overwrite=True)
    assert folder.config() == config()


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        RunFolder(tmp_path / "f").create(RunConfig(), overwrite=True)
    with pytest.raises(UsageError, match="no run of vae"):
        RunFolder.open(tmp_path / "f")


def test_a_folder_whose_making_was_cut_short_is_made_anew(folder):
    (folder.path / "config.toml").unlink()  # the marker comes first, the settings last
    assert not folder.exists
    folder.create(config(epochs=2))
    assert folder.config().training.epochs == 2


def test_deleting_keeps_the_marker_to_the_end(folder, monkeypatch):
    folder.checkpoint_path.mkdir()
    monkeypatch.setattr("shutil.rmtree", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        folder.create(config(), overwrite=True)
    monkeypatch.undo()
    folder.create(config(epochs=2))  # still ours, and no run any more
    assert folder.exists


@pytest.mark.parametrize(("run_format", "message"), [(FORMAT + 1, "newer"), (OLDEST - 1, "older")])
def test_other_formats_are_named(folder, run_format, message):
    folder.update(format=run_format)
    with pytest.raises(UsageError, match=f"run format {run_format} is {message} than this program's {FORMAT}"):
        RunFolder.open(folder.path)
    folder.create(config(), overwrite=True)
    assert folder.status == "pending"


def test_resuming_takes_the_same_settings_and_more_epochs_only(folder):
    assert folder.resume() == folder.resume(config()) == config()
    assert folder.resume(config(epochs=20)).training.epochs == 20
    assert folder.config().training.epochs == 20
    with pytest.raises(UsageError, match=r"training\.epochs: 20 -> 6"):
        folder.resume(config())
    with pytest.raises(UsageError) as caught:
        folder.resume(config(epochs=30, clip=1.0))
    assert "training.clip: 5.0 -> 1.0" in str(caught.value)
    assert folder.config().training.epochs == 20


def test_a_run_of_the_format_before_is_read_and_gone_on_with(folder):
    text = (folder.path / "config.toml").read_text()
    text = text.replace('methods = [\n    "bn",\n]', 'method = "bn"').replace("[method.bn]", "[hyper.bn]")
    (folder.path / "config.toml").write_text(text)
    folder.update(format=1)
    assert RunFolder.open(folder.path).config() == config()
    assert folder.resume(config()) == config()
    assert (folder.path / "config.toml").read_text() == text, "nothing has changed"
    assert folder.resume(config(epochs=20)) == folder.config() == config(epochs=20)
    assert folder.run()["format"] == FORMAT, "it is written anew, which an earlier program can't read"
    assert "[method.bn]" in (folder.path / "config.toml").read_text()


def test_changes_name_the_keys_with_both_values():
    other = build_config({"hyper": {"bn": {"gamma": 0.6}}, "method": "bn", "model": {"init_range": 0.1}})
    assert config_changes(config(), config()) == []
    assert config_changes(config(), other) == ["bn.gamma: 0.5 -> 0.6", "model.init_range: None -> 0.1"]


def test_infinite_figures_survive(folder):
    folder.write_metrics({"values": {"ppl_elbo": math.inf, "kl": None}})
    assert folder.metrics() == {"values": {"ppl_elbo": math.inf, "kl": None}}
    json.loads((folder.path / "metrics.json").read_text(), parse_constant=lambda text: pytest.fail(text))


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "x" * 201])
def test_a_new_run_has_names_for_folders(name, tmp_path):
    with pytest.raises(UsageError, match="method name"):
        run_path(tmp_path, "exp", name, 0)
    with pytest.raises(UsageError, match="experiment name"):
        run_path(tmp_path, name, "bn", 0)


@pytest.mark.parametrize("name", ["a b", "ä", "_x", "a,b", "x" * 201])
def test_runs_whose_folders_have_other_names_are_read(name, folder, tmp_path):
    """Earlier versions took them, and a user may rename a folder."""
    other = tmp_path / name / name / "seed-0"
    other.parent.mkdir(parents=True)
    folder.path.rename(other)
    assert RunFolder.open(other).config() == config()
    assert [run.path for run in find_runs(tmp_path / name)] == [other]


def test_the_layout(tmp_path):
    assert run_path(tmp_path, "exp", "bn+beta", 3) == tmp_path / "exp" / "bn+beta" / "seed-3"


def test_there_is_nothing_to_open(tmp_path):
    with pytest.raises(UsageError, match="no run of vae"):
        RunFolder.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("owner", [{"pid": 1, "host": "another"}, {"pid": os.getpid(), "host": socket.gethostname()}])
def test_the_lock_decides_whatever_the_owner_file_says(folder, owner):
    """A driver was killed; its host has another name since, or its number is another process's by now."""
    folder.update(status="running")
    (folder.path / LOCK).touch()
    (folder.path / OWNER).write_text(json.dumps({**owner, "since": "2026-01-01"}))
    assert folder.status == "interrupted"
    with folder.lock():
        assert RunFolder(folder.path).status == "running"


def test_where_there_are_no_locks_a_sign_of_life_decides(folder, monkeypatch):
    def no_locks(self, *arguments, **options):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    monkeypatch.setattr("filelock.FileLock.release", lambda self, force=False: None)
    folder.update(status="running")
    (folder.path / LOCK).touch()
    owner = folder.path / OWNER
    owner.write_text(json.dumps({"pid": 1, "host": "another", "since": "2026-01-01"}))
    assert folder.status == "running"
    with pytest.raises(UsageError, match=r"in use by process 1 on another since 2026-01-01; wait for it, or stop it"):
        folder.lock().__enter__()
    os.utime(owner, (1, 1))
    assert folder.status == "interrupted"
    with folder.lock():
        assert json.loads(owner.read_text())["pid"] == os.getpid()


def test_an_owner_gives_signs_of_life(folder, monkeypatch):
    monkeypatch.setattr("vaecli.runs.lock.HEARTBEAT", 0.01)
    with folder.lock():
        os.utime(folder.path / OWNER, (1, 1))
        deadline = time.monotonic() + 30
        while (folder.path / OWNER).stat().st_mtime == 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (folder.path / OWNER).stat().st_mtime > 1


def test_looking_at_a_folder_does_not_stop_its_writer(folder):
    """Who looks takes the lock for a moment; a writer waits for that."""
    (folder.path / LOCK).touch()
    probe = FileLock(folder.path / LOCK, thread_local=False)
    probe.acquire()
    threading.Timer(0.2, probe.release).start()
    with folder.lock():
        pass


def test_more_epochs_make_a_finished_run_unfinished_and_other_minutes_do_not(folder):
    folder.update(status="done")
    config = folder.config()
    other = config.model_copy(update={"training": config.training.model_copy(update={"save_every": 1.0, "threads": 3})})
    assert folder.resume(other) == other
    assert folder.config() == other
    assert folder.status == "done"
    more = other.model_copy(
        update={"training": other.training.model_copy(update={"epochs": config.training.epochs + 1})}
    )
    folder.resume(more)
    assert (folder.status, folder.run()["message"]) == ("interrupted", MORE_EPOCHS)


def test_the_folder_of_a_method_or_an_experiment_names_its_runs(folder):
    with pytest.raises(UsageError, match=r"it is the folder of a method: name one of its runs, seed-0$"):
        RunFolder.open(folder.path.parent)
    with pytest.raises(UsageError, match=r"it is the folder of an experiment: name one of its runs, bn/seed-0$"):
        RunFolder.open(folder.path.parent.parent)


def test_a_run_of_an_earlier_version_goes_on_with_all_its_hyper_parameters(tmp_path):
    """Its file has those that were given; what a table tells of it stays the same."""
    own_config = build_config({"method": "bn", "hyper": {"bn": {"gamma": 0.6}}})
    folder = RunFolder(tmp_path / "a").create(own_config)
    run = json.loads((folder.path / "run.json").read_text())
    del run["own"]
    (folder.path / "run.json").write_text(json.dumps(run | {"format": 2}))
    wanted = build_config({"method": "bn", "hyper": {"bn": {"gamma": 0.6, "eps": 1e-12}}})
    assert folder.resume(wanted) == wanted
    assert folder.config() == wanted
    assert folder.run()["own"] == {"bn": {"gamma": 0.6}}, "as it was given"
    other = build_config({"method": "bn", "hyper": {"bn": {"gamma": 0.6, "eps": 1e-5}}})
    with pytest.raises(UsageError, match=r"bn\.eps: 1e-12 -> 1e-05"):
        folder.resume(other)


def test_a_table_is_told_what_is_no_default_and_what_makes_a_variant(tmp_path):
    config = build_config({"method": "bn", "hyper": {"bn": {"gamma": 0.6, "eps": 1e-5}}})
    assert RunFolder(tmp_path / "a").create(config).run()["own"] == {"bn": {"eps": 1e-5}}
    folder = RunFolder(tmp_path / "b").create(config, variant={"bn.gamma": 0.6, "training.clip": 1.0})
    assert folder.run()["own"] == {"bn": {"eps": 1e-5, "gamma": 0.6}}


def test_the_folder_of_an_addressed_method_has_a_name_that_every_system_takes(tmp_path):
    path = run_path(tmp_path, "exp", "bn+vae-mine:bn--bn.gamma-0.3", 0)
    assert path == tmp_path / "exp" / "bn+vae-mine.bn--bn.gamma-0.3" / "seed-0"
