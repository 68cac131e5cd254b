"""What a run may go on with: the same text, checkpoints that are there, and a word where its surroundings changed."""

import json
import re
import shutil

import pytest
from support import SENTENCES, TINY, write_corpus

import vaecli
from vaecli.core.errors import DataError, UsageError
from vaecli.remedies import remedy_class
from vaecli.runs import trial
from vaecli.runs.continuation import changed_surroundings, check_same_corpus, surroundings
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run
from vaecli.training.checkpoint import LAST, load_checkpoint, save_checkpoint

VERSION = re.escape(vaecli.__version__)


@pytest.fixture
def text(tmp_path):
    return write_corpus(tmp_path / "toy")


def train(text, tmp_path, epochs=1, **more):
    return vaecli.train("bn", text, settings={**TINY, "training.epochs": epochs}, out=tmp_path / "runs", **more)


def state(run):
    return {p.name: p.read_bytes() for p in sorted(run.path.rglob("*")) if p.is_file() and p.name != ".lock"}


@pytest.mark.parametrize("sentences", [SENTENCES[::-1], [*SENTENCES, "a new word"]], ids=["text", "vocabulary"])
def test_another_text_is_refused_with_both_fingerprints_and_nothing_written(text, tmp_path, sentences):
    run = train(text, tmp_path)
    before = state(run)
    write_corpus(text, sentences)
    now = vaecli.train("bn", text, settings=TINY, out=tmp_path / "others")
    first, second = (json.loads(before["run.json"])["corpus"]["fingerprint"], fingerprint(now))
    with pytest.raises(UsageError) as refused:
        train(text, tmp_path, epochs=2, resume=True)
    assert first[:12] in str(refused.value)
    assert second[:12] in str(refused.value)
    assert state(run) == before


def fingerprint(run):
    return RunFolder(run.path).fingerprint


def test_a_prepared_folder_is_not_gone_on_with_on_another_text(text, tmp_path):
    run = train(text, tmp_path)
    write_corpus(text, SENTENCES[::-1])
    other = vaecli.train("bn", text, settings=TINY, out=tmp_path / "others")
    before, corpus = state(run), load_run(other.path).corpus
    with pytest.raises(UsageError, match="began on another corpus"):
        check_same_corpus(RunFolder(run.path), corpus)
    with pytest.raises(UsageError, match="began on another corpus"):
        trial.run_trial(RunFolder(run.path), None, corpus)
    assert state(run) == before


def test_another_version_of_a_remedy_ends_no_training_and_is_told_where_the_model_is_used(text, tmp_path, monkeypatch):
    run = train(text, tmp_path)
    before, kind = state(run), remedy_class("bn")
    began, now = kind.version, kind.version + 1
    monkeypatch.setattr(kind, "version", now)
    told = f"this run began with version {began} of 'bn', and here it is version {now}, .* that of vaecli {VERSION}"
    with pytest.raises(UsageError, match=told):
        train(text, tmp_path, epochs=2, resume=True)
    assert state(run) == before
    with pytest.warns(UserWarning, match=f"trained with version {began} of 'bn', which is version {now} here"):
        finished = train(text, tmp_path, resume=True)  # nothing is trained
    assert finished.figures == run.figures
    RunFolder(run.path).update(status="interrupted")
    with pytest.raises(UsageError, match="put back that"):
        trial.run_trial(RunFolder(run.path), None)


def test_what_moves_last_digits_is_told_and_kept(text, tmp_path, monkeypatch):
    run = train(text, tmp_path)
    folder = RunFolder(run.path)
    now = surroundings(load_run(run.path).device, "fp32")
    assert changed_surroundings(folder, now) == ""
    elsewhere = {**now, "torch": "1.0", "threads": "97"}
    monkeypatch.setattr(trial, "surroundings", lambda device, precision: elsewhere)
    with pytest.warns(
        UserWarning, match=rf"torch {re.escape(now['torch'])} -> 1.0, threads {now['threads']} -> 97.*last digits"
    ):
        train(text, tmp_path, epochs=2, resume=True)
    assert folder.run()["surroundings"] == now
    assert [note for note in folder.run()["notes"] if "threads" in note]


def test_what_has_changed_is_told_where_the_checkpoint_before_is_the_last(text, tmp_path):
    """A kill between the two renames of a save leaves it alone."""
    run = train(text, tmp_path)
    now = surroundings(load_run(run.path).device, "fp32")
    (run.path / "checkpoint" / "last.safetensors").replace(run.path / "checkpoint" / "previous.safetensors")
    assert "torch" in changed_surroundings(RunFolder(run.path), {**now, "torch": "1.0"})


def test_a_run_that_begins_anew_has_the_surroundings_of_its_training(text, tmp_path):
    """It failed elsewhere before its first save."""
    run = train(text, tmp_path)
    folder = RunFolder(run.path)
    now = folder.run()["surroundings"]
    shutil.rmtree(folder.checkpoint_path)
    folder.history_path.unlink()
    note = "the run began with other surroundings (threads 4 -> 1): figures move in the last digits"
    folder.update(status="failed", surroundings={**now, "torch": "1.0"}, notes=[note])
    train(text, tmp_path, resume=True)
    assert folder.run()["surroundings"] == now
    assert note not in folder.run()["notes"]


def test_a_training_whose_checkpoints_are_gone_is_not_silently_begun_anew(text, tmp_path):
    run = train(text, tmp_path)
    shutil.rmtree(run.path / "checkpoint")
    with pytest.raises(DataError, match=r"history\.csv tells of 1 epoch, and .* begin anew with --overwrite"):
        train(text, tmp_path, epochs=2, resume=True)
    assert len(RunFolder(run.path).history()) == 1


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_finished_run_without_its_weights_says_what_is_left_and_what_to_do(text, tmp_path, damage):
    run = train(text, tmp_path)
    best = run.path / "checkpoint" / "best.safetensors"
    best.unlink() if damage == "missing" else best.write_bytes(b"x")
    with pytest.raises(DataError, match=r"its figures are kept in metrics\.json; put the file back, or train .*anew"):
        load_run(run.path)
    assert RunFolder(run.path).metrics()["values"]


def test_weights_of_other_shapes_are_told(text, tmp_path):
    run = train(text, tmp_path)
    larger = vaecli.train(
        "bn", text, settings={**TINY, "model.latent_size": 3, "training.epochs": 1}, out=tmp_path / "o"
    )
    shutil.copy(larger.path / "checkpoint" / "best.safetensors", run.path / "checkpoint" / "best.safetensors")
    with pytest.raises(
        DataError, match=r"best\.safetensors: the checkpoint is of another model or method .*size mismatch"
    ):
        load_run(run.path)


def test_a_clock_that_jumps_back_changes_nothing(text, tmp_path, monkeypatch):
    """Durations are of a clock that only goes on, and no name or order depends on the time."""
    calm = train(text, tmp_path / "calm")
    times = iter(range(2_000_000_000, 0, -1_000))
    monkeypatch.setattr("time.time", lambda: float(next(times)))
    run = train(text, tmp_path / "jumping")
    assert run.figures["seconds"] > 0
    timings = ("seconds", "tokens_per_second", "peak_memory_mb")
    assert {k: v for k, v in run.figures.items() if k not in timings} == {
        k: v for k, v in calm.figures.items() if k not in timings
    }


def test_the_time_of_a_process_that_was_killed_counts_up_to_its_checkpoint(text, tmp_path):
    """A process that is killed tells run.json nothing of its time; an hour of it is put into its last checkpoint."""
    folder = RunFolder(train(text, tmp_path).path)
    tensors, state = load_checkpoint(folder.checkpoint_path / LAST)
    assert 0 < state["progress"]["seconds"] < folder.run()["seconds"]
    state["progress"]["seconds"] = 3600.0
    save_checkpoint(folder.checkpoint_path, LAST, tensors, state)
    folder.update(seconds=0.0)
    assert 3600 < train(text, tmp_path, epochs=2, resume=True).figures["seconds"] < 4600
