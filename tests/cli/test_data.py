"""``vae data``: what a corpus holds, and public corpora."""

import gzip
import json
import os
import random
import re
import shlex
import sys
import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import typer
from support import SENTENCES, TINY, loaded_by_help, write_corpus
from typer.testing import CliRunner

from vaecli.__main__ import main
from vaecli.cli.data import data, examination_text
from vaecli.cli.train import train
from vaecli.core.errors import DataError, UsageError
from vaecli.corpus.downloads import downloads_folder
from vaecli.corpus.examination import BARS, examine, histogram
from vaecli.corpus.load import load_corpus
from vaecli.corpus.public_corpora import public_corpus
from vaecli.reporting.terminal import Target
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run_corpus
from vaecli.settings.resolve import load_settings


def run(*arguments, **environment):
    result = CliRunner().invoke(data, list(map(str, arguments)), env=environment)
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


@pytest.fixture
def reviews(tmp_path):
    """A labelled corpus with one of everything that is counted."""
    files = {
        "train": ["pos\tthe cat sat", "neg\ta dog", "pos\tthe cat sat", "", "neg\tyes", "pos\tone two three four five"],
        "valid": ["pos\tthe cat sat", "neg\tno dog"],
        "test": ["neg\tno dog", "neg\ta dog", "neg\tmore words here"],
    }
    for part, lines in files.items():
        (tmp_path / f"{part}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_all_counts(reviews):
    counted = json.loads(run("check", reviews, "--max-length", "4", "--set", "training.batch_size=2", "--json").stdout)
    train, valid, test = (counted["splits"][part] for part in ("train", "valid", "test"))
    assert train == {
        "sentences": 5,
        "words": 13,
        "tokens": 13,
        "unknown": 0.0,
        "shortest": 1,
        "median": 3,
        "most": 3,
        "longest": 4,
        "one_word": 1,
        "cut": 1,
        "empty": 1,
        "repeats": 1,
    }
    assert valid["unknown"] == 1 / 5  # `no`
    assert test["unknown"] == 4 / 7
    assert counted["shared"] == {"valid in train": 1, "test in train": 1, "test in valid": 1}
    assert counted["labels"] == {
        "label": {"pos": {"train": 3, "valid": 1, "test": 0}, "neg": {"train": 2, "valid": 1, "test": 3}}
    }
    assert counted["lengths"] == [
        {"first": n, "last": n, "count": count} for n, count in ((1, 1), (2, 1), (3, 2), (4, 1))
    ]
    assert (counted["batches"], counted["batch_size"]) == (2, 2)  # one sentence alone is no batch
    assert counted["vocabulary"] == 14


@pytest.mark.parametrize("columns", [80, 200])
def test_the_page_fits_the_terminal(reviews, columns):
    text = run("check", reviews, COLUMNS=str(columns)).stdout
    assert max(map(len, text.splitlines())) <= columns
    for said in ("repeat an earlier one", "stand in train too", "words of a sentence in train", "to mend"):
        assert said in text
    assert "pos         3       1      0           60.0 %" in text
    assert "make 1 update an epoch, each of 5 sentences: 6 in 6 epochs (preset quick)" in text


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (2, "make 2 updates an epoch, of 2 sentences, one of 3: 12 in 6 epochs"),  # one alone is no batch
        (3, "make 2 updates an epoch, of 3 sentences, one of 2: 12 in 6 epochs"),
        (4, "make 1 update an epoch, of 5 sentences: 6 in 6 epochs"),
        (5, "make 1 update an epoch, each of 5 sentences: 6 in 6 epochs"),
    ],
)
def test_how_many_sentences_an_update_takes(reviews, size, said):
    assert said in run("check", reviews, "--set", f"training.batch_size={size}", COLUMNS="200").stdout


def test_a_terminal_of_ascii_alone(reviews):
    config = load_settings(options={"corpus": {"data": str(reviews)}}).config("vanilla", 0)
    text = examination_text(examine(config.corpus, 64), config, Target(80, ascii_only=True))
    assert text.isascii()
    assert "  3  2  ####" in text


def test_a_list_of_values_is_refused(reviews):
    with pytest.raises(UsageError, match=r"training\.batch_size=2,4: a corpus is checked for one value"):
        run("check", reviews, "--set", "training.batch_size=2,4")


def test_what_is_counted_is_what_training_reads(reviews):
    config = load_settings(options={"corpus": {"data": str(reviews)}}).config("vanilla", 0)
    assert examine(config.corpus, 64).fingerprint == load_corpus(config.corpus).fingerprint


def test_the_synthetic_corpus():
    text = run("check", "synthetic", *[f"--set=corpus.{part}_size=40" for part in ("train", "valid", "test")]).stdout
    assert "template" in text or "label" in text
    assert "nothing to mend" in text


def test_what_is_counted_is_told_as_it_is(tmp_path):
    """Of subwords, pieces: a table said that sentences of 3 words have 12, the white-space words beside them 3."""
    for part, count in (("train", 60), ("valid", 40), ("test", 40)):
        lines = (" ".join(f"{n * k % 97:06}" for k in (1, 2, 3)) for n in range(1, count + 1))
        (tmp_path / f"{part}.txt").write_text("".join(f"{line}\n" for line in lines))
    words, pieces = (
        " ".join(run("check", tmp_path, "--tokenizer", name, *sizes).stdout.split())
        for name, sizes in (("split", ()), ("bpe", ("--max-vocab", "20")))
    )
    assert "words of a sentence in train" in words
    assert "cut at 200 words" in words
    assert "piece" not in words
    for said in ("of one piece", "cut at 200 pieces", "pieces of a sentence in train", " pieces, special symbols"):
        assert said in pieces
    assert "words 180 120 120 tokens of bpe" in pieces


def test_a_tokenizer_that_would_help_is_measured(tmp_path):
    draw = random.Random(0)
    words = [f"word{n}" for n in range(60)]

    def sentence():
        chosen = draw.choices(words, k=5)
        return " ".join(word.capitalize() if draw.random() < 0.3 else word for word in chosen) + draw.choice(".!?")

    for part, count in (("train", 60), ("valid", 40), ("test", 40)):
        (tmp_path / f"{part}.txt").write_text("".join(sentence() + "\n" for _ in range(count)))
    text = " ".join(run("check", tmp_path).stdout.split())  # long lines are wrapped
    assert "--tokenizer basic_english helps: unknown on a sample" in text
    assert "% of valid's words are unknown" in text or "% of test's words are unknown" in text
    assert "--tokenizer basic_english helps" not in run("check", tmp_path, "--tokenizer", "basic_english").stdout


def test_what_cannot_be_trained_on_ends_with_3(tmp_path, capsys, monkeypatch):
    write_corpus(tmp_path, SENTENCES)
    (tmp_path / "valid.txt").write_text("\n".join(f"x{n} y{n}" for n in range(40)))
    monkeypatch.setattr(sys, "argv", ["vae", "data", "check", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    said = capsys.readouterr().err
    assert "100.0 % of its words are unknown to train" in said
    assert len(said.splitlines()) == 1


def test_a_file_and_its_columns(tmp_path):
    rows = "".join(f"{n % 2},sentence number {n}\n" for n in range(40))
    (tmp_path / "a.csv").write_text("stars,said\n" + rows)
    text = run("check", tmp_path / "a.csv", "--text-column", "said", "--label-column", "stars").stdout
    assert text.startswith("a  (fingerprint ")
    assert "columns: stars, said" in text
    assert "split: train 32, valid 4, test 4" in text
    with pytest.raises(UsageError, match="no such column"):
        run("check", tmp_path / "a.csv", "--text-column", "sayd")
    with pytest.raises(DataError, match=r"unknown corpus .*b\.csv.*did you mean .*a\.csv"):
        run("check", tmp_path / "b.csv")


@pytest.mark.parametrize("most", [1, 5, 16, 17, 40, 1000])
def test_a_histogram_counts_every_sentence_once(most):
    lengths = np.random.default_rng(0).integers(1, most + 1, 500)
    lengths[0] = most
    bars = histogram(lengths)
    assert len(bars) <= BARS
    assert sum(bar.count for bar in bars) == 500
    assert bars[0].first == lengths.min()
    assert bars[-1].last == most
    assert all(a.last + 1 == b.first for a, b in pairwise(bars))
    assert all(bar.count == ((lengths >= bar.first) & (lengths <= bar.last)).sum() for bar in bars)


def test_public_corpora_are_listed():
    assert [line.split(":")[0] for line in run("fetch").stdout.splitlines()] == [
        "ptb",
        "yahoo",
        "yelp",
        "snli",
        "yelp_short",
    ]


def test_terms_are_printed_before_anything_is_downloaded(monkeypatch, tmp_path):
    def stop(corpus, folder, mirrors, overwrite, progress):
        raise DataError(f"stopped: {folder} {mirrors}")

    monkeypatch.setattr("vaecli.corpus.fetched.fetch_corpus", stop)
    result = CliRunner().invoke(data, ["fetch", "yelp", "--to", str(tmp_path)], env={"VAE_MIRROR": "http://a http://b"})
    assert str(result.exception) == f"stopped: {tmp_path} ['http://a', 'http://b']"
    assert "terms of use: Reviews of the Yelp Dataset Challenge" in result.stderr
    assert "source: https://drive.usercontent.google.com/" in result.stderr


def test_options_of_a_corpus_that_is_not_named_are_refused():
    with pytest.raises(UsageError, match="name a corpus"):
        run("fetch", "--to", "somewhere")


def test_the_preset_of_the_environment_is_that_of_a_training(reviews):
    assert "preset ptb" in " ".join(run("check", reviews, VAE_PRESET="ptb").stdout.split())


def test_a_corpus_is_fetched_and_read(monkeypatch, tmp_path):
    pytest.importorskip("pooch")
    known = public_corpus("yelp_short")
    downloads_folder().mkdir(parents=True, exist_ok=True)
    write_corpus(tmp_path / "their", SENTENCES)
    with tarfile.open(downloads_folder() / known.files[0].name, "w:gz") as archive:  # put there by hand
        for part, member in known.splits.items():
            archive.add(tmp_path / "their" / f"{part}.txt", member)
    monkeypatch.chdir(tmp_path)
    result = run("fetch", "yelp-short")
    assert "yelp_short/train.txt: 18 sentences" in result.stdout
    assert "sha256" in result.stderr
    assert "next: vae data check yelp_short; vae compare --data yelp_short --preset snli" in result.stderr
    assert "yelp_short" in run("check", "yelp_short").stdout


PAGE = Path(__file__).parents[2] / "docs" / "data.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
LINES = [line for block in BLOCKS for line in block.splitlines() if line.startswith("vae data")]


@pytest.mark.parametrize("line", LINES)
def test_the_commands_of_the_page_run(line, monkeypatch, tmp_path):
    """On a corpus in the place of DIR; what `fetch` needs was put by hand where its message says."""
    folder = write_corpus(tmp_path / "mine", SENTENCES)
    (folder / "reviews.csv").write_text("review,stars\n" + "".join(f'"fine, {n}",{n % 5}\n' for n in range(50)))
    if "fetch ptb" in line:
        pytest.importorskip("pooch")
        if "VAE_TEST_DATA" not in os.environ:
            pytest.skip("VAE_TEST_DATA names no folder of corpora")
        downloads_folder().mkdir(parents=True, exist_ok=True)
        for part in ("train", "valid", "test"):
            text = (Path(os.environ["VAE_TEST_DATA"]) / "ptb" / f"{part}.txt").read_bytes()
            (downloads_folder() / f"ptb.{part}.txt").write_bytes(text)
    words = [word.replace("DIR", str(folder if "check" in line else tmp_path / "new")) for word in shlex.split(line)]
    assert run(*words[2:]).exit_code == 0


TINY_OPTIONS = [f"--set={key}={value}" for key, value in TINY.items()]


def train_on(*arguments):
    app = typer.Typer()
    app.command()(train)
    result = CliRunner().invoke(app, [*TINY_OPTIONS, *arguments])
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


def test_training_on_one_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    rows = "".join(
        f"{n % 2},{sentence}\n" for n, sentence in enumerate(f"{s} {n}" for n in range(4) for s in SENTENCES)
    )
    Path("reviews.csv.gz").write_bytes(gzip.compress(("stars,text\n" + rows).encode()))
    result = train_on("--data", "reviews.csv.gz")
    folder = RunFolder.open(tmp_path / "runs" / "reviews" / "vanilla" / "seed-0")
    assert folder.config().corpus.data == str(tmp_path / "reviews.csv.gz")
    for said in (
        "sentences: column 'text'",
        "labels: column 'stars'",
        "split: train 20, valid 2, test 2",
        "half up to",
    ):
        assert said in result.stderr
    monkeypatch.chdir("/")
    assert load_run_corpus(folder, folder.config()).fingerprint == load_corpus(folder.config().corpus).fingerprint


def test_names_of_corpora_in_toml_files(monkeypatch, tmp_path):
    (tmp_path / "reviews.csv").write_text("a\n")
    for name, expected in (("reviews.csv", str(tmp_path / "reviews.csv")), ("hf:a/b", "hf:a/b"), ("yahoo", "yahoo")):
        (tmp_path / "exp.toml").write_text(f'data = "{name}"\n')
        assert load_settings(tmp_path / "exp.toml").groups["corpus"]["data"] == expected


def test_help_loads_nothing_heavy():
    assert loaded_by_help("data check", ["torch", "pandas", "numpy", "pooch", "requests", "pyarrow"]) == []
