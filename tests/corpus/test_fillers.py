import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from vaecli.config import CorpusConfig
from vaecli.core.errors import UsageError
from vaecli.corpus.fillers import FILLERS, NoisyTruth, gap_entropy, with_fillers
from vaecli.corpus.load import load_corpus
from vaecli.corpus.synthetic import synthetic_grammar, synthetic_truth

SMALL = {"train_size": 400, "valid_size": 40, "test_size": 30}
NAMES = ["synthetic", "mixture"]


class TwoSentences:
    """`a` with probability 0.3, `b c` otherwise."""

    entropy, entropy_se = -0.3 * math.log(0.3) - 0.7 * math.log(0.7), 0.0

    def log_prob(self, sentence):
        return {("a",): math.log(0.3), ("b", "c"): math.log(0.7)}.get(tuple(sentence), -math.inf)

    def nll(self, split):
        return None

    def of_vocabulary(self, words):
        return self if {"a", "b", "c"} <= set(words) else None


def words_of(corpus, part):
    split = corpus.split(part)
    return [corpus.vocabulary.decode(split.sentence(n)) for n in range(len(split))]


def test_hand_worked_log_prob():
    # "a noise07": 0.3 for the sentence, one gap that is filled (0.2) with one of fifty fillers
    truth = NoisyTruth(TwoSentences(), 0.3 * 1 + 0.7 * 2, 0.2)
    assert truth.log_prob(["a", "noise07"]) == pytest.approx(math.log(0.3 * 0.2 / 50))
    assert truth.log_prob(["b", "c", "noise00"]) == pytest.approx(math.log(0.7 * 0.8 * 0.2 / 50))


@pytest.mark.parametrize("text", ["noise01 a", "a noise01 noise02", "noise01", "", "b", "a noise50"])
def test_outside_the_support(text):
    assert NoisyTruth(TwoSentences(), 1.7, 0.2).log_prob(text.split()) == -math.inf


def test_entropy_is_that_of_all_sentences():
    """By enumeration: the probabilities of all sentences add up to 1, and their entropy is what the sum says."""
    truth = NoisyTruth(TwoSentences(), 1.7, 0.2)
    gaps = ["", *FILLERS]
    sentences = [["a", g] for g in gaps] + [["b", g, "c", k] for g, k in product(gaps, gaps)]
    logs = np.array([truth.log_prob([word for word in s if word]) for s in sentences])
    assert np.exp(logs).sum() == pytest.approx(1)
    assert -(np.exp(logs) * logs).sum() == pytest.approx(truth.entropy)


def test_fillers_that_train_lacks_are_one_word():
    """By enumeration: all but three fillers are `<unk>`, which is as probable as they are together."""
    known = FILLERS[:3]
    truth = NoisyTruth(TwoSentences(), 1.7, 0.2).of_vocabulary(["a", "b", "c", *known])
    gaps = ["", "<unk>", *known]
    sentences = [["a", g] for g in gaps] + [["b", g, "c", k] for g, k in product(gaps, gaps)]
    logs = np.array([truth.log_prob([word for word in s if word]) for s in sentences])
    assert np.exp(logs).sum() == pytest.approx(1)
    assert -(np.exp(logs) * logs).sum() == pytest.approx(truth.entropy)
    assert truth.log_prob(["a", "<unk>"]) == pytest.approx(math.log(0.3 * 0.2 * 47 / 50))
    assert truth.of_vocabulary(["a", "b", "c", *known]) is truth


def test_fillers_and_words_that_train_lacks_are_not_told_apart():
    truth = NoisyTruth(TwoSentences(), 1.7, 0.2)
    assert truth.of_vocabulary(["a", "b", *FILLERS]) is None
    assert truth.of_vocabulary(["a", "b", "c", *FILLERS]) is truth
    corpus = load_corpus(CorpusConfig(**(SMALL | {"train_size": 30}), noise=0.2))
    assert corpus.truth is None
    assert "the true entropy is left out: fillers and other words are read as <unk>" in " ".join(corpus.notes)


def test_a_noise_too_small_to_be_divided_is_none_to_speak_of():
    truth = NoisyTruth(TwoSentences(), 1.7, 5e-324)
    assert truth.entropy == pytest.approx(TwoSentences.entropy)
    assert truth.log_prob(["a", "noise07"]) == pytest.approx(math.log(0.3) + math.log(5e-324) - math.log(50))


def test_entropy_agrees_with_the_mean_of_minus_log_prob():
    truth = load_corpus(CorpusConfig(noise=0.3)).truth
    sentences = with_fillers(synthetic_grammar().sample(2_000, seed=99).sentences, 0.3, seed=1)
    values = np.array([-truth.log_prob(sentence) for sentence in sentences])
    error = values.std() / math.sqrt(len(values))
    assert abs(values.mean() - truth.entropy) < 4.5 * math.hypot(error, truth.entropy_se)
    assert truth.entropy - synthetic_truth().entropy == pytest.approx(synthetic_grammar().mean_words * gap_entropy(0.3))
    assert truth.entropy_se == synthetic_truth().entropy_se


def test_the_price_that_the_page_of_surprises_names():
    price = synthetic_grammar().mean_words * gap_entropy(0.4)
    page = (Path(__file__).parents[2] / "docs" / "surprises.md").read_text(encoding="utf-8")
    assert f"at 0.4 on `synthetic` {price:.1f} beside the {synthetic_truth().entropy:.1f}" in page


def test_the_mean_of_words_is_exact():
    lengths = np.array([len(words) for words in synthetic_grammar().sample(20_000, seed=5).sentences])
    assert abs(lengths.mean() - synthetic_grammar().mean_words) < 4.5 * lengths.std() / math.sqrt(len(lengths))


@pytest.mark.parametrize("name", NAMES)
def test_without_its_fillers_it_is_the_text_as_it_was(name):
    clean = load_corpus(CorpusConfig(data=name, **SMALL))
    noisy = load_corpus(CorpusConfig(data=name, **SMALL, noise=0.25))
    without = [[word for word in words if word not in FILLERS] for words in words_of(noisy, "train")]
    assert without == words_of(clean, "train")
    for field, values in clean.train.labels.items():
        assert values.equal(noisy.train.labels[field])
    gaps = len(clean.train.tokens)
    filled = len(noisy.train.tokens) - gaps
    assert abs(filled / gaps - 0.25) < 4.5 * math.sqrt(0.25 * 0.75 / gaps)
    assert noisy.fingerprint != clean.fingerprint


def test_more_noise_keeps_the_fillers_and_more_sentences_go_on():
    sentences = [["x"] * 5] * 40
    some, more = with_fillers(sentences, 0.2, 3), with_fillers(sentences, 0.5, 3)
    assert sum(map(len, some)) < sum(map(len, more))
    assert all(word in other for one, other in zip(some, more, strict=True) for word in one)
    assert with_fillers(sentences[:7], 0.2, 3) == some[:7]


def test_the_corpus_is_the_same_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path))
    config = CorpusConfig(data="mixture", **SMALL, noise=0.25)
    assert load_corpus(config).fingerprint == load_corpus(config).fingerprint
    assert load_corpus(CorpusConfig(data="mixture", **SMALL)).fingerprint != load_corpus(config).fingerprint


def test_corpora_that_have_no_noise(tmp_path):
    with pytest.raises(UsageError, match=r"corpus\.noise: the corpus oracle"):
        load_corpus(CorpusConfig(data="oracle", **SMALL, noise=0.1))
    for part in ("train", "valid", "test"):
        (tmp_path / f"{part}.txt").write_text("a b\nb c\n")
    with pytest.raises(UsageError, match=r"corpus\.noise: .* leave it out"):
        load_corpus(CorpusConfig(data=str(tmp_path), noise=0.1))
    page = " ".join((Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8").split())
    assert "With your own text, and with `oracle`, it is refused" in page
