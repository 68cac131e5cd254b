"""The front door: what `import vaecli` promises, on tiny real runs."""

import inspect
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from support import SENTENCES, TINY, offer, write_corpus

import vaecli
from vaecli.core.errors import DataError, UsageError
from vaecli.runs.folder import RunFolder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("api") / "toy")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def run(corpus, out):
    return vaecli.train("bn", corpus, settings={**TINY, "bn.gamma": 0.7}, out=out)


def test_the_names_are_the_promised_ones_and_each_is_documented():
    assert set(vaecli.__all__) == {
        *("train", "compare", "evaluate", "load", "methods", "report"),
        *("Run", "Results", "__version__"),
    }
    for name in set(vaecli.__all__) - {"__version__"}:
        assert inspect.getdoc(getattr(vaecli, name))
    for name, member in inspect.getmembers(vaecli.Run, lambda m: callable(m) or isinstance(m, property)):
        assert name.startswith("_") or inspect.getdoc(member)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        vaecli.trian  # noqa: B018


def test_the_seed_of_the_settings_counts_where_no_other_is_said(monkeypatch):
    def seeds_of(settings, *rest, **more):
        raise LookupError(settings.seeds)

    monkeypatch.setattr("vaecli.runs.start.prepare_run", seeds_of)
    monkeypatch.setattr("vaecli.engines.run_grid.open_experiment", seeds_of)
    for call, seed in ((vaecli.train, {"seed": 0}), (vaecli.compare, {"seeds": [0, 1]})):
        with pytest.raises(LookupError, match=r"\(3,\)"):
            call(settings={"training.seed": 3})
        with pytest.raises(
            UsageError, match=r"settings\['training.seed'\]: seeds? 0(,1)? says the seeds too; keep one"
        ):
            call(**seed, settings={"training.seed": 3})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": -1}, "jobs=-1: it has to be 0 or more"),
        ({"jobs": float("nan")}, "jobs=nan: it has to be a whole number"),
        ({"jobs": True}, "jobs=True: it has to be a whole number"),
        ({"seeds": 1.5}, r"seeds: seeds are integers and ranges such as '0-2,5', got 1\.5"),
        ({"seeds": True}, "seeds: seeds are integers .* got True"),
        ({"seeds": [0, -1]}, "seeds: seeds are integers .* got '0,-1'"),
    ],
)
def test_numbers_of_a_comparison_are_checked_before_any_work(options, message):
    with pytest.raises(UsageError, match=message):
        vaecli.compare(**options)


@pytest.mark.parametrize("seeds", [2, np.int64(2), [2], "2", np.array([2])])
def test_a_seed_may_be_one_of_numpy(monkeypatch, seeds):
    def seeds_of(settings, *rest, **more):
        raise LookupError(settings.seeds)

    monkeypatch.setattr("vaecli.engines.run_grid.open_experiment", seeds_of)
    with pytest.raises(LookupError, match=r"\(2,\)"):
        vaecli.compare(seeds=seeds)


def test_the_corpus_of_the_settings_counts_where_no_other_is_said(monkeypatch):
    def corpus_of(settings, *rest, **more):
        raise LookupError(settings.groups["corpus"]["data"])

    monkeypatch.setattr("vaecli.runs.start.prepare_run", corpus_of)
    monkeypatch.setattr("vaecli.engines.run_grid.open_experiment", corpus_of)
    for call in (vaecli.train, vaecli.compare):
        with pytest.raises(LookupError, match="mixture"):
            call(settings={"corpus.data": "mixture"})
        with pytest.raises(LookupError, match="synthetic"):
            call(preset="ptb")
        with pytest.raises(UsageError, match=r"settings\['corpus.data'\]: data='oracle' says the corpus too; keep one"):
            call(data="oracle", settings={"corpus.data": "mixture"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature=0.0: it has to be above 0"),
        ({"temperature": float("nan")}, "temperature=nan: "),
        ({"top_p": 1.5}, "top_p=1.5: "),
        ({"temperature": True}, "temperature=True: it has to be a number"),
        ({"top_p": "0.5"}, "top_p='0.5': it has to be a number"),
        ({"top_k": -1}, "top_k=-1: it has to be 0 or more"),
        ({"top_k": 2.0}, "top_k=2.0: it has to be a whole number"),
        ({"top_k": float("nan")}, "top_k=nan: it has to be a whole number"),
        ({"beam": 0}, "beam=0: it has to be 1 or more"),
        ({"beam": True}, "beam=True: it has to be a whole number"),
        ({"seed": -1}, "seed=-1: it has to be 0 or more"),
        ({"seed": np.float64(1)}, r"seed=.*1\.0.*: it has to be a whole number"),
        ({"beam": 5, "temperature": 1.0}, "beam=5 searches for the best sentence"),
    ],
)
def test_how_words_are_chosen_is_checked_first(options, message):
    with pytest.raises(UsageError, match=message):
        vaecli.Run(None).decode([[0.0]], **options)


def test_the_import_is_light():
    code = "import sys, vaecli; print([m for m in ('torch', 'pandas', 'pydantic', 'numpy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_run_is_what_the_command_makes(run, out):
    assert run.path == out / "toy" / "bn" / "seed-0"
    assert (run.method, run.seed) == ("bn", 0)
    assert run.settings["bn.gamma"] == 0.7
    assert run.figures["rec"] + run.figures["kl"] == pytest.approx(run.figures["neg_elbo"])
    assert run.history["epoch"].tolist() == [1, 2]
    with pytest.raises(UsageError, match="--overwrite"):
        vaecli.train("bn", run.settings["corpus.data"], settings={**TINY, "bn.gamma": 0.7}, out=out)
    again = vaecli.train("bn", run.settings["corpus.data"], settings={**TINY, "bn.gamma": 0.7}, out=out, resume=True)
    assert again.figures == run.figures


def test_problems_of_settings_name_their_keys(corpus, out):
    with pytest.raises(UsageError, match=r"did you mean .gamma.\?"):
        vaecli.train("bn", corpus, settings={"bn.gama": 1.0}, out=out)
    with pytest.raises(UsageError, match=r"settings\['epochs'\]: did you mean training\.epochs\?"):
        vaecli.train("bn", corpus, settings={"epochs": 1}, out=out)
    with pytest.raises(UsageError, match=r"settings\['gamma'\]: did you mean bn\.gamma\?"):
        vaecli.train("bn", corpus, settings={"gamma": 1.0}, out=out)
    with pytest.raises(UsageError, match=r"name a setting as group\.key"):
        vaecli.train("bn", corpus, settings={"nonsense": 1.0}, out=out)
    with pytest.raises(UsageError, match="epochs"):
        vaecli.train("bn", corpus, settings={"training.epochs": True}, out=out)


def test_scores_are_those_of_the_test_split(run):
    scores = run.score(SENTENCES * 3)
    for name in ("rec", "kl", "neg_elbo", "iw_nll"):
        assert scores[name].mean() == pytest.approx(run.figures[name], rel=1e-9)
    assert scores["words"].tolist() == [len(text.split()) for text in SENTENCES * 3]
    assert run.score(["the zebra sat"])["unknown"].tolist() == [1]
    assert run.score(["the cat"], iw_samples=0)["iw_nll"].isna().all()


def test_sentences_that_can_be_read_once_are_read_once(run):
    table = run.codes(text for text in SENTENCES)
    pd.testing.assert_frame_equal(table, run.codes(SENTENCES))
    pd.testing.assert_frame_equal(run.score(iter(SENTENCES)), run.score(SENTENCES))
    assert run.sample(0) == []


@pytest.mark.parametrize("tokenizer", ["bpe", "basic_english"])
def test_words_that_stand_for_unknown_ones_are_read_as_in_training(tmp_path, tokenizer):
    """A tokenizer would make words of its own of such a placeholder."""
    marked = [text.replace("the ", "@UNK@ ") for text in SENTENCES] * 3
    settings = {**TINY, "corpus.tokenizer": tokenizer, "corpus.unknown_words": "@UNK@", "training.epochs": 1}
    run = vaecli.train("vanilla", write_corpus(tmp_path / "toy", marked, 1), settings=settings, out=tmp_path / "out")
    scores = run.score(marked)
    for name in ("rec", "kl", "neg_elbo", "iw_nll"):
        assert scores[name].mean() == pytest.approx(run.figures[name], rel=1e-9)
    assert scores["unknown"].tolist()[:3] == [2, 0, 1]


def test_codes_and_sentences(run):
    codes = run.encode(SENTENCES)
    assert codes.shape == (6, 2)
    assert codes.dtype == np.float64
    assert run.reconstruct(SENTENCES) == run.decode(codes)
    between = run.interpolate(SENTENCES[0], SENTENCES[1], steps=3)
    assert between[0] == run.reconstruct(SENTENCES[:1])[0]
    assert between[2] == run.reconstruct(SENTENCES[1:2])[0]
    assert between[1] == run.decode((codes[:1] + codes[1:2]) / 2)[0]
    assert run.sample(3, seed=1) == run.sample(3, seed=1)
    assert len(run.decode(codes, temperature=0.5)) == 6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.decode(np.zeros((2, 5))), r"codes of shape \(2, 5\); .* decodes \(N, 2\)"),
        (lambda run: run.decode([[1.0, 2.0], [1.0]]), r"codes are numbers of shape \(N, Z\), .*expected sequence"),
        (lambda run: run.decode([[0.0, 1.0], [2.0, np.nan]]), "codes: nan in row 1, column 1; only finite codes"),
        (lambda run: run.decode([[0.0, 1e300]]), r"codes: 1e\+300 in row 0, column 1; only finite codes"),
        (lambda run: run.decode(np.full((1, 2), np.inf)), "codes: inf in row 0, column 0"),
        (lambda run: run.encode(["the cat", "  "]), r"sentence 2 of 2 \('  '\) has no word"),
        (lambda run: run.encode(pd.Series(["the cat", ""], index=[7, 9])), r"sentence 2 of 2 \(''\) has no word"),
        (lambda run: run.encode(5), "a list of texts, .* not 5"),
        (lambda run: run.encode({"the cat": 1}), r"a list of texts, .* not \{'the cat': 1\}"),
        (lambda run: run.encode(pd.DataFrame({"the cat": ["a dog"]})), "a list of texts, .* not"),
        (lambda run: run.encode(b"the cat"), "a list of texts, .* not b'the cat'"),
        (lambda run: run.score([["the", "cat"]]), "a list of texts, .* not"),
        (lambda run: run.decode([["a", "b"]]), r"codes are numbers of shape \(N, Z\)"),
        (lambda run: run.codes("the cat"), "a list of texts, .* not 'the cat'"),
        (lambda run: run.score(["the cat", None]), r"a list of texts, .* not \['the cat', None\]"),
        (lambda run: run.encode([]), "there is no sentence"),
        (lambda run: run.interpolate("a cat", "a dog", steps=1), "no two ends"),
        (lambda run: run.interpolate("a cat", "a dog", steps=2.5), "steps=2.5: it has to be a whole number"),
        (lambda run: run.reconstruct(["the cat"], beam=None), "beam=None: it has to be a whole number"),
        (lambda run: run.sample(-1), "count=-1: it has to be 0 or more"),
        (lambda run: run.sample(True), "count=True: it has to be a whole number"),
        (lambda run: run.sample(1, seed=float("nan")), "seed=nan: it has to be a whole number"),
        (lambda run: run.score(["the cat"], iw_samples=-1), "iw_samples=-1: it has to be 0 or more"),
        (lambda run: run.score(["the cat"], iw_samples=True), "iw_samples=True: it has to be a whole number"),
        (lambda run: run.score(["the cat"], iw_samples=2.5), "iw_samples=2.5: it has to be a whole number"),
        (lambda run: run.score(["the cat"], iw_samples=10**13), "iw_samples=1[0]{13}: it has to be 100,000 or less"),
        (lambda run: run.evaluate("prob"), "did you mean 'probe'"),
    ],
)
def test_what_goes_wrong_is_said(run, call, message):
    with pytest.raises(UsageError, match=message):
        call(run)


def test_numbers_of_numpy_count_as_pythons(run):
    two, one = np.int64(2), np.float64(1)
    assert run.score(["the cat"], iw_samples=two).equals(run.score(["the cat"], iw_samples=2))
    assert run.reconstruct(["the cat"], beam=two) == run.reconstruct(["the cat"], beam=2)
    assert run.sample(two, temperature=one, seed=two) == run.sample(2, seed=2)
    assert run.interpolate("a cat", "a dog", two) == run.interpolate("a cat", "a dog", 2)
    assert run.evaluate(iw_samples=two)["iw_samples"] == 2


def test_a_device_may_be_one_of_torch(run):
    assert vaecli.load(run.path, device=torch.device("cpu")).encode(SENTENCES).shape == (6, 2)
    with pytest.raises(UsageError, match=r"--device .*'0'"):
        vaecli.load(run.path, device=0)


def test_a_language_model_has_no_codes(corpus, out):
    lm = vaecli.train("lm", corpus, settings=TINY, out=out)
    with pytest.raises(UsageError, match="'lm' has no latent variable to encode"):
        lm.encode(SENTENCES)
    assert lm.score(SENTENCES)["kl"].isna().all()
    assert lm.score(SENTENCES * 3)["iw_nll"].mean() == pytest.approx(lm.figures["iw_nll"], rel=1e-9)
    assert len(lm.sample(2)) == 2


def test_a_run_works_without_its_corpus(run, corpus, tmp_path):
    loaded = vaecli.load(run.path)
    hidden = corpus.rename(tmp_path / "gone")
    try:
        assert loaded.reconstruct(SENTENCES) == run.reconstruct(SENTENCES)
        assert loaded.sample(2) == run.sample(2)
        with pytest.raises(DataError, match=r"seed-0: its corpus '.*toy' isn't there any more; put it back there$"):
            loaded.evaluate("dimensions")
    finally:
        hidden.rename(corpus)


@pytest.mark.filterwarnings("ignore:.*best validation so far")
def test_figures_of_other_weights_are_none_of_a_run_that_goes_on(corpus, out):
    run = vaecli.train("beta", corpus, settings=TINY, out=out, name="longer")
    assert run.figures
    folder = RunFolder(run.path)
    training = folder.config().training.model_copy(update={"epochs": 9})
    folder.resume(folder.config().model_copy(update={"training": training}))
    assert run.figures == vaecli.load(run.path).figures == {}


def test_evaluations_join_the_figures(run):
    values = run.evaluate("dimensions", "decoder_use")
    assert values["z_gain_zero"] == vaecli.load(run.path).figures["z_gain_zero"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iw_samples": 0}, "iw_samples=0: it has to be 1 or more"),
        ({"iw_samples": True}, "iw_samples=True: it has to be a whole number"),
        ({"iw_samples": float("nan")}, "iw_samples=nan: it has to be a whole number"),
        ({"sentences": -3}, "sentences=-3: it has to be 1 or more"),
        ({"sentences": 10**9}, "sentences=1000000000: it has to be 1,000,000 or less"),
        ({"split": "tset"}, r"unknown split 'tset' \(split\): did you mean 'test'"),
        ({"sentences": 5}, "sentences changes nothing here; it goes with gaps or reverse_ppl or samples"),
        ({"lm": "runs/lm"}, "lm changes nothing here; it goes with payoff or samples"),
    ],
)
def test_what_can_not_be_evaluated_is_refused_before_a_run_is_read(options, message):
    with pytest.raises(UsageError, match=message):
        vaecli.evaluate("nowhere", "probe", **options)


def test_a_comparison_and_its_report(corpus, out):
    started = time.time()
    results = vaecli.compare(["vanilla", "beta"], corpus, seeds=[0, 1], settings=TINY, out=out, name="two")
    assert results.path == out / "two"
    assert set(results.trials["method"]) == {"vanilla", "beta"}
    assert results.trials["status"].tolist() == ["done"] * 4
    assert results.summary.set_index("method")["trials"].to_dict() == {"vanilla": 2, "beta": 2}
    assert "| vanilla |" in results.text("markdown", columns=["method", "kl"])
    assert results.text(columns="method,kl") == results.text(columns=["method", "kl"])
    again = vaecli.report(out / "two")
    pd.testing.assert_frame_equal(again.trials, results.trials)
    assert time.time() - started < 300
    table = out / "none.csv"
    table.write_text((out / "two" / "results.csv").read_text().splitlines()[0] + "\n")
    with pytest.raises(UsageError, match=r"none\.csv: the results hold no trials"):
        vaecli.report(table)


def test_methods_are_a_table():
    table = vaecli.methods()
    assert table.loc["bn", "version"] >= 1
    assert {"vanilla", "lm", "bn"} <= set(table.index)


def test_a_broken_method_of_another_package_is_a_warning(monkeypatch):
    offer(monkeypatch, theirs="no_such_package:Theirs")
    with pytest.warns(UserWarning, match="method 'theirs' can't be loaded: package their-package 1.0"):
        table = vaecli.methods()
    assert "theirs" not in table.index
    assert table.loc["bn", "package"] == f"vaecli {vaecli.__version__}"


@pytest.mark.parametrize("tokenizer", ["split", "bpe"])
def test_sentences_are_cut_as_in_training(tmp_path, tokenizer):
    """Their figures were those of whole sentences, which the run hadn't seen."""
    settings = {**TINY, "corpus.tokenizer": tokenizer, "corpus.max_length": 3, "training.epochs": 1}
    run = vaecli.train("vanilla", write_corpus(tmp_path / "toy"), settings=settings, out=tmp_path / "out")
    with pytest.warns(UserWarning, match=r"6 sentences of 6 cut to 3 words, as .* \(corpus\.max_length\)"):
        scores = run.score([f"{text} the cat sat" for text in SENTENCES])
    assert set(scores["words"]) == {3}
    with pytest.warns(UserWarning, match=r"\d+ sentences of 18 cut"):
        scores = run.score(SENTENCES * 3)
    for name in ("rec", "kl", "neg_elbo", "iw_nll"):
        assert scores[name].mean() == pytest.approx(run.figures[name], rel=1e-9)
