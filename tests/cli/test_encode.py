"""`vae encode` on a tiny run: CSV, arrays and parquet, from a file and from stdin."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from support import SENTENCES, TINY, write_corpus
from typer.testing import CliRunner

import vaecli
from vaecli.cli.app import app
from vaecli.core.errors import DataError, UsageError

ASKED = ["the dog ran", "a zebra sat", "=1+1"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    base = tmp_path_factory.mktemp("encode")
    write_corpus(base / "toy")
    names = ("vanilla", "vmf", "lm")
    return {name: vaecli.train(name, base / "toy", settings=TINY, out=base / "runs") for name in names}


def encode(run, *words, text=None):
    result = CliRunner().invoke(app, ["encode", str(run.path), *map(str, words)], input=text)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_row_a_sentence(runs):
    table = pd.read_csv(io.StringIO(encode(runs["vanilla"], text="\n".join(ASKED) + "\n")))
    run = runs["vanilla"]
    assert table["sentence"].tolist() == ["the dog ran", "a zebra sat", "'=1+1"]  # no formula for a spreadsheet
    assert table["words"].tolist() == [3, 3, 1]
    assert table["unknown"].tolist() == [0, 1, 1]
    np.testing.assert_allclose(table[["mean_1", "mean_2"]], run.encode(ASKED))
    scores = run.score(ASKED)
    for name in ("rec", "kl", "neg_elbo"):
        np.testing.assert_allclose(table[name], scores[name])
    # the KL of a diagonal Gaussian from its means and deviations
    mean, deviation = table[["mean_1", "mean_2"]].to_numpy(), table[["deviation_1", "deviation_2"]].to_numpy()
    kl = 0.5 * (mean**2 + deviation**2 - 1 - 2 * np.log(deviation)).sum(1)
    np.testing.assert_allclose(table["kl"], kl, rtol=1e-5)


def test_formats_hold_the_same(runs, tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "text").write_bytes("\r\n".join(ASKED).encode())
    for suffix in ("csv", "npz", "parquet"):
        encode(runs["vanilla"], tmp_path / "text", "-o", tmp_path / f"codes.{suffix}")
    table, same = pd.read_csv(tmp_path / "codes.csv"), pd.read_parquet(tmp_path / "codes.parquet")
    assert same["sentence"].tolist() == ASKED
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as arrays:
        assert arrays["sentence"].tolist() == ASKED
        assert arrays["mean"].shape == arrays["deviation"].shape == (3, 2)
        for name, values in (("mean_1", arrays["mean"][:, 0]), ("kl", arrays["kl"])):
            np.testing.assert_allclose(table[name], values)
            np.testing.assert_allclose(same[name], values)


def test_arrays_need_no_other_library(runs, tmp_path):
    encode(runs["vanilla"], "-o", tmp_path / "codes.npz", text="the cat")
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"sentence", "words", "unknown", "rec", "kl", "neg_elbo", "mean", "deviation"}


def test_a_posterior_without_deviations_has_means_alone(runs):
    columns = encode(runs["vmf"], text="the cat\n").splitlines()[0].split(",")
    assert [name for name in columns if name.startswith("mean_")] == ["mean_1", "mean_2"]
    assert not [name for name in columns if name.startswith("deviation_")]


@pytest.mark.parametrize(
    ("method", "words", "text", "error", "said"),
    [
        ("lm", [], "the cat\n", UsageError, "'lm' has no latent variable to encode"),
        ("vanilla", [], "", DataError, "stdin: there is no sentence in it"),
        ("vanilla", [], "a\n\nb\n", DataError, "stdin:2: a blank line has no code"),
        ("vanilla", [], b"a\n\xff\n", DataError, "stdin:2: byte 2 is no UTF-8"),
        ("vanilla", [], b"\xef\xbb\xbfa\n\xff\n", DataError, "stdin:2: byte 5 is no UTF-8"),
        (
            "vanilla",
            [],
            "the cat \npos\tthe cat\n",
            DataError,
            r"stdin:2: a tab; a line is a sentence alone: .*cut -f 2",
        ),
        ("vanilla", ["missing.txt"], None, DataError, "missing.txt: can't be read: No such file"),
        ("vanilla", ["rows.csv"], None, UsageError, "rows.csv: sentences are read from text, .* not from .csv files"),
        ("vanilla", ["a.txt.gz"], None, UsageError, "a.txt.gz: .* not from .txt.gz files"),
        ("vanilla", ["-o", "x.pickle"], "a", UsageError, r"its suffix says the format: \.csv, \.npz, \.parquet"),
    ],
)
def test_what_a_user_can_get_wrong(runs, method, words, text, error, said):
    with pytest.raises(error, match=said):
        encode(runs[method], *words, text=text)


def test_a_file_is_replaced_only_when_asked(runs, tmp_path):
    path = tmp_path / "codes.csv"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists; name another file, or replace it with --overwrite"):
        encode(runs["vanilla"], "-o", path, text="the cat")
    assert path.read_text() == "mine"
    encode(runs["vanilla"], "-o", path, "--overwrite", text="the cat")
    assert path.read_text().startswith("sentence,")
    with pytest.raises(UsageError, match="--overwrite replaces the file of --output; name one"):
        encode(runs["vanilla"], "--overwrite", text="the cat")


def test_figures_of_single_sentences_stand_beside_the_run(runs):
    run = runs["vanilla"]
    result = CliRunner().invoke(app, ["evaluate", str(run.path), "--per-sentence"])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(run.path / "sentences-test.csv")
    assert table["sentence"].tolist() == SENTENCES * 3
    for name in ("rec", "kl", "neg_elbo", "iw_nll"):
        assert table[name].mean() == pytest.approx(run.figures[name])
    assert json.loads((run.path / "metrics.json").read_text())["values"] == run.figures


def test_a_sentence_longer_than_the_run_takes_is_cut_and_told(tmp_path):
    text, settings = write_corpus(tmp_path / "toy"), {**TINY, "corpus.max_length": 2, "training.epochs": 1}
    run = vaecli.train("vanilla", text, settings=settings, out=tmp_path / "runs")
    told = r"^1 sentence of 2 cut to 2 words, as those of the run's corpus are \(corpus\.max_length\)$"
    for words in (["encode"], ["generate", "--text", "-"]):
        with pytest.warns(UserWarning, match=told):
            result = CliRunner().invoke(app, [words[0], str(run.path), *words[1:]], input="the dog ran\nthe dog\n")
        assert result.exit_code == 0
    assert result.stdout.startswith("the dog\t")


@pytest.mark.parametrize("end", ["\r", "\u2028", "\u0085"])
def test_lines_end_as_those_of_a_corpus_do(runs, end):
    """All lines of a Mac's file were one sentence."""
    table = pd.read_csv(io.StringIO(encode(runs["vanilla"], text=f"the dog{end}a cat{end}")))
    assert table["sentence"].tolist() == ["the dog", "a cat"]
