"""A trial as bytes: what travels to a machine that shares no disk, and what comes back."""

import json
import os
from pathlib import Path

import pytest

from tests.runs.grids import finish, prepared
from tests.support import TINY
from vaecli.corpus.load import load_corpus
from vaecli.corpus.text_files import TextFile
from vaecli.engines import parcel
from vaecli.engines.parcel import (
    LAST_FILE,
    PREVIOUS_FILE,
    TextParcel,
    changes,
    pack_corpus,
    pack_reference,
    pack_run,
    receive,
    signatures,
    unpack_trial,
)
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run_corpus
from vaecli.runs.progress_file import PROGRESS
from vaecli.runs.tracking import STATE

SENTENCES = "the cat sat .\na dog ran off .\nthe cat ran .\na dog sat there .\n"


@pytest.fixture
def text(tmp_path):
    """A corpus in files."""
    folder = tmp_path / "pets"
    folder.mkdir()
    for part in ("train", "valid", "test"):
        (folder / f"{part}.txt").write_text(SENTENCES * 4)
    return folder


def make_trial(tmp_path, data, **values):
    return prepared(tmp_path / "runs", values={**TINY, "corpus.data": str(data), **values})[0]


@pytest.mark.parametrize("tokenizer", ["split", "bpe"])
def test_a_corpus_is_the_same_one_where_it_arrives(tmp_path, text, tokenizer):
    trial = make_trial(tmp_path, text, **{"corpus.tokenizer": tokenizer, "corpus.max_vocab": 30})
    sent = pack_corpus(trial.config.corpus, tmp_path)
    run = pack_run(trial.path, sent)
    there = tmp_path / "there"
    folder = RunFolder(unpack_trial(run, sent, pack_reference("", tmp_path), there))
    assert folder.config().corpus.data == str(there / "corpus" / "pets")
    arrived, here = load_run_corpus(folder, folder.config()), load_corpus(trial.config.corpus)
    assert (arrived.name, arrived.fingerprint) == (here.name, here.fingerprint)
    settings = folder.config().model_copy(update={"corpus": trial.config.corpus})
    assert settings == trial.config, "nothing but the path differs"


def test_a_corpus_of_one_file_is_the_same_one_where_it_arrives(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("stars,said\n" + "".join(f"{n % 2},a cat number {n}\n" for n in range(40)))
    columns = {"corpus.text_column": "said", "corpus.label_column": "stars"}
    trial = make_trial(tmp_path, path, **columns)
    sent = pack_corpus(trial.config.corpus, tmp_path)
    folder = RunFolder(unpack_trial(pack_run(trial.path, sent), sent, pack_reference("", tmp_path), tmp_path / "there"))
    arrived, here = load_run_corpus(folder, folder.config()), load_corpus(trial.config.corpus)
    assert (arrived.name, arrived.fingerprint) == (here.name, here.fingerprint) == ("reviews", here.fingerprint)


@pytest.mark.parametrize("label", [None, "0"])
def test_a_corpus_of_this_machines_cache_travels_as_tables(label, tmp_path, monkeypatch):
    """Nobody else has it in theirs; the splits that were taken out of train are sent as they are here."""
    row = {"id": "7"} if label is None else {"label": label}
    lines = "".join(json.dumps({"premise": f"a  cat number {n}", **row}) + "\n" for n in range(40)).encode()
    files = {"train": TextFile(Path("hf:pets/train"), lines, ".jsonl")}
    monkeypatch.setattr("vaecli.corpus.load.hub_files", lambda data: files)
    trial = make_trial(tmp_path, "hf:someone/pets", **{"corpus.text_column": "premise", "corpus.corpus_seed": 7})
    sent = pack_corpus(trial.config.corpus, tmp_path)
    here = load_corpus(trial.config.corpus)
    monkeypatch.undo()
    folder = RunFolder(unpack_trial(pack_run(trial.path, sent), sent, pack_reference("", tmp_path), tmp_path / "there"))
    arrived = load_run_corpus(folder, folder.config())
    assert (arrived.name, arrived.fingerprint) == (here.name, here.fingerprint) == ("pets", here.fingerprint)
    assert bool(arrived.train.labels) == (label is not None)
    assert not any("corpus_seed=7 changes nothing" in note for note in arrived.notes)  # it divided them here


def test_a_reference_travels_with_its_corpus(tmp_path, text):
    values = {**TINY, "corpus.data": str(text)}
    lm = prepared(tmp_path / "runs", methods=("lm",), name="lm", values=values)[0]
    folder = finish(lm, {})
    folder.checkpoint_path.mkdir()
    (folder.checkpoint_path / "best.safetensors").write_bytes(b"weights")
    trial = make_trial(tmp_path, text, **{"evaluation.reference": str(lm.path)})
    sent = pack_corpus(trial.config.corpus, tmp_path)
    there = tmp_path / "there"
    path = unpack_trial(pack_run(trial.path, sent), sent, pack_reference(str(lm.path), tmp_path), there)
    reference = RunFolder.open(there / "reference")
    assert RunFolder(path).config().evaluation.reference == str(reference.path)
    assert reference.status == "done"
    assert (reference.checkpoint_path / "best.safetensors").read_bytes() == b"weights"
    assert load_corpus(reference.config().corpus).fingerprint == load_corpus(trial.config.corpus).fingerprint


def test_the_embedded_corpus_is_not_carried(tmp_path):
    trial = make_trial(tmp_path, "synthetic")
    sent = pack_corpus(trial.config.corpus, tmp_path)
    assert (sent.name, sent.files) == ("", {})
    path = unpack_trial(pack_run(trial.path, sent), sent, pack_reference("", tmp_path), tmp_path / "there")
    assert RunFolder(path).config() == trial.config


@pytest.fixture
def folder(tmp_path):
    """A run that has come as far as a checkpoint."""
    path = tmp_path / "run"
    (path / "checkpoint").mkdir(parents=True)
    files = ("run.json", "config.toml", "history.csv", "log.txt", ".lock", LAST_FILE, PREVIOUS_FILE)
    for name in (*files, "checkpoint/best.safetensors", "checkpoint/.best.safetensors.7.tmp"):
        (path / name).write_text(name)
    return path


CARRIED = {"run.json", "history.csv", LAST_FILE, "checkpoint/best.safetensors"}


def test_what_comes_back(folder):
    files, known = changes(folder, {})
    assert set(files) == set(known) == CARRIED
    assert changes(folder, known) == ({}, known)
    (folder / "history.csv").write_text("longer than before")
    files, _ = changes(folder, known)
    assert files == {"history.csv": b"longer than before"}


def test_the_log_and_the_checkpoint_before_stay(folder):
    assert set(pack_run(folder, TextParcel())) == CARRIED | {"config.toml"}


def test_a_vocabulary_that_the_run_has_is_not_replaced(folder):
    (folder / "vocab.json").write_text("its own")
    assert pack_run(folder, TextParcel(vocabulary={"vocab.json": b"new"}))["vocab.json"] == b"its own"


def test_files_of_two_moments_are_not_mixed(folder, monkeypatch):
    """A checkpoint that is replaced while the folder is read: it is read again, and given up if that goes on."""
    times = 1

    def busy(path):
        nonlocal times
        listing = signatures(path)
        if times:
            times -= 1
            (path / LAST_FILE).write_text(f"newer {times}")
            os.utime(path / LAST_FILE, (times, times))
        return listing

    monkeypatch.setattr(parcel, "signatures", busy)
    files, _ = changes(folder, {})
    assert files[LAST_FILE] == b"newer 0"
    times = 100
    assert changes(folder, {"run.json": (0, 0)}) == ({}, {"run.json": (0, 0)})


def test_what_displays_read_stands_in_the_way_of_nothing(folder, monkeypatch):
    """It is replaced every few seconds, which is less than a large checkpoint takes to be read."""
    times = 0

    def busy(path):
        nonlocal times
        times += 1
        (path / PROGRESS).write_text(f"{times}")
        os.utime(path / PROGRESS, (times, times))
        return signatures(path)

    monkeypatch.setattr(parcel, "signatures", busy)
    files, _ = changes(folder, {})
    assert set(files) > {LAST_FILE, PROGRESS}


def test_a_checkpoint_that_arrives_makes_the_last_one_the_one_before(tmp_path, monkeypatch):
    order = []
    write = parcel.write_atomic
    monkeypatch.setattr(parcel, "write_atomic", lambda path, data: (order.append(path.name), write(path, data)))
    receive({"run.json": b"1", LAST_FILE: b"1", "history.csv": b"1", "checkpoint/best.safetensors": b"1"}, tmp_path)
    assert order == ["history.csv", "best.safetensors", "last.safetensors", "run.json"]
    assert not (tmp_path / PREVIOUS_FILE).exists()
    receive({LAST_FILE: b"2"}, tmp_path)
    assert (tmp_path / LAST_FILE).read_bytes() == b"2"
    assert (tmp_path / PREVIOUS_FILE).read_bytes() == b"1"


def test_what_a_tracker_writes_elsewhere_comes_back_and_goes_there_again(tmp_path, text):
    """The trial asks for its tracker wherever it runs, and its next attempt goes on with the tracker's run."""
    trial = make_trial(tmp_path, text, **{"tracking.tracker": "tensorboard"})
    sent = pack_corpus(trial.config.corpus, tmp_path)
    there = unpack_trial(pack_run(trial.path, sent), sent, pack_reference("", tmp_path), tmp_path / "there")
    assert RunFolder(there).config().tracking.tracker == ("tensorboard",)
    (there / "tensorboard").mkdir()
    (there / "tensorboard" / "events.1").write_bytes(b"rows")
    (there / STATE).write_text('{"tensorboard": {"known_as": "tensorboard", "epochs": 3}}')
    files, _ = changes(there, {})
    receive(files, trial.path)
    assert (trial.path / "tensorboard" / "events.1").read_bytes() == b"rows"
    again = unpack_trial(pack_run(trial.path, sent), sent, pack_reference("", tmp_path), tmp_path / "again")
    assert (again / STATE).read_bytes() == (there / STATE).read_bytes()
