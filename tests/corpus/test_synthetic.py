import math
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from vaecli.config import CorpusConfig
from vaecli.core.errors import UsageError
from vaecli.corpus import lexicon
from vaecli.corpus.load import load_corpus
from vaecli.corpus.synthetic import synthetic_grammar, synthetic_truth
from vaecli.corpus.types import UNK

SMALL = {"train_size": 300, "valid_size": 40, "test_size": 30}


def falling(rank, count):
    """Weight of one of `count` entries: 1/4, 1/5, ... normalised."""
    return 1 / (rank + 4) / sum(1 / (n + 4) for n in range(count))


def test_hand_worked_log_prob():
    # "every chef was happy in the kitchen ." has one derivation: chef and kitchen are of the topic food alone.
    p = 0.12 * 0.1 * 0.5 * 0.35 * 0.55  # template state, topic, sentiment, past, singular
    p *= falling(3, 6)  # every, of six determiners
    p *= 0.8 * falling(0, 9)  # chef, of the topic's nine people
    p *= 0.5  # no degree
    p *= 0.75 * falling(0, 10)  # happy, of ten adjectives
    p *= 0.8 * falling(0, 5)  # in the kitchen, of the topic's five places
    p *= 0.75  # full stop after a positive sentence
    sentence = ["every", "chef", "was", "happy", "in", "the", "kitchen", "."]
    assert synthetic_truth().log_prob(sentence) == pytest.approx(math.log(p), abs=1e-9)


def test_an_ambiguous_sentence_sums_over_its_factors():
    # "they cut the good gift ." : cut is a past and a present plural, good and gift belong to every topic,
    # cut to food and garden. Place and time are left out.
    p = 0.10 * 0.5 * 0.45  # template pronoun, positive, plural
    p *= falling(0, 3)  # they
    p *= 0.4 + 0.35  # present or past
    food, garden = 0.8 * falling(3, 5), 0.8 * falling(2, 5)  # cut: fourth and third neutral verb, which are half
    p *= 0.1 * 0.5 * (food + garden)
    p *= falling(0, 6)  # the
    p *= 0.2 * falling(0, 3) * 0.2 * falling(1, 6)  # good, gift
    p *= 0.5 * 0.5 * 0.75  # no place, no time, full stop
    assert synthetic_truth().log_prob(["they", "cut", "the", "good", "gift", "."]) == pytest.approx(
        math.log(p), abs=1e-9
    )


@pytest.mark.parametrize("text", ["", "chef", "the chef is happy", "every chefs was happy in the kitchen .", "<unk>"])
def test_outside_the_support(text):
    assert synthetic_truth().log_prob(text.split()) == -math.inf


def test_entropy_agrees_with_the_mean_of_minus_log_prob():
    # the entropy comes from the tables less the posterior's; -log p(x) of other sentences comes from their parses
    truth = synthetic_truth()
    values = np.array([-truth.log_prob(s) for s in synthetic_grammar().sample(3_000, seed=99).sentences])
    error = math.hypot(values.std() / math.sqrt(len(values)), truth.entropy_se)
    assert error < 0.06
    assert abs(values.mean() - truth.entropy) < 4.5 * error
    assert truth.entropy_se < 0.01


def test_mutual_information_leaves_something_open():
    information = {name: value for name, (value, _) in synthetic_truth().mutual_information.items()}
    assert 2.2 < information["topic"] < math.log(10)
    assert 0.4 < information["sentiment"] < math.log(2) - 0.05
    assert information["number"] == pytest.approx(-0.55 * math.log(0.55) - 0.45 * math.log(0.45))
    # each factor is independent of the others, so together they tell at least what they tell one by one
    parts = sum(information[name] for name in ("topic", "sentiment", "tense", "number", "template"))
    assert parts - 1e-6 <= information["all"] + 1e-6
    assert all(error < 0.01 for _, error in synthetic_truth().mutual_information.values())


def test_default_corpus():
    corpus = load_corpus(CorpusConfig())
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (16_000, 2_000, 2_000)
    assert 8.7 < len(corpus.train.tokens) / 16_000 < 10
    assert 904 <= len(corpus.vocabulary) <= 1_004
    assert set(corpus.vocabulary.words[4:]) == set(synthetic_grammar().words)  # no type is too rare for train
    assert int((corpus.test.tokens == UNK).sum()) == 0
    assert corpus.name == "synthetic"
    assert corpus.truth is synthetic_truth()


def test_labels_are_those_of_the_sentences():
    corpus = load_corpus(CorpusConfig(**SMALL))
    assert set(corpus.train.labels) == {"topic", "sentiment", "tense", "number", "template"}
    topics = corpus.test.label_names["topic"]
    shared = lexicon.ANY_TOPIC.things.split()
    own = {name: set(topic.things.split()) for name, topic in lexicon.TOPICS.items()}
    every = set().union(*own.values())
    checked = 0
    for n in range(len(corpus.test)):
        things = [w for w in corpus.vocabulary.decode(corpus.test.sentence(n)) if w in every and w not in shared]
        topic = topics[int(corpus.test.labels["topic"][n])]
        if things and corpus.test.label_names["template"][int(corpus.test.labels["template"][n])] == "pair":
            assert set(things) <= own[topic]
            checked += 1
    assert checked >= 1


def test_sizes_of_other_splits_change_nothing():
    base = load_corpus(CorpusConfig(**SMALL))
    other = load_corpus(CorpusConfig(**{**SMALL, "test_size": 77, "valid_size": 11}))
    assert base.train.tokens.equal(other.train.tokens)
    assert base.vocabulary.words == other.vocabulary.words
    assert other.test.tokens[: len(base.test.tokens)].equal(base.test.tokens)
    assert not load_corpus(CorpusConfig(**SMALL, corpus_seed=1)).train.tokens[:50].equal(base.train.tokens[:50])


def test_splits_come_from_different_streams():
    corpus = load_corpus(CorpusConfig(train_size=40, valid_size=40, test_size=40))
    texts = [[corpus.vocabulary.decode(s.sentence(n)) for n in range(40)] for s in (corpus.train, corpus.valid)]
    assert sum(a == b for a, b in zip(*texts, strict=True)) == 0


def test_same_in_another_process():
    code = (
        "from vaecli.config import CorpusConfig; from vaecli.corpus.load import load_corpus;"
        f"print(load_corpus(CorpusConfig(**{SMALL!r})).fingerprint)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == load_corpus(CorpusConfig(**SMALL)).fingerprint


@pytest.mark.parametrize("setting", [{"max_vocab": 100}, {"min_freq": 5}, {"unknown_words": "the"}])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_truth_is_of_the_text_as_it_is_read(setting, noise):
    """It has less entropy than the whole text; of the words, a model would be better than the truth."""
    corpus = load_corpus(CorpusConfig(train_size=300, valid_size=20, test_size=400, noise=noise, **setting))
    assert any("true entropy is that of the text as it is read" in note for note in corpus.notes)
    whole = load_corpus(CorpusConfig(train_size=16_000, valid_size=20, test_size=20, noise=noise)).truth
    assert corpus.truth.entropy < whole.entropy - 0.5
    sentences = [corpus.vocabulary.decode(corpus.test.sentence(n)) for n in range(400)]
    values = np.array([-corpus.truth.log_prob(sentence) for sentence in sentences])
    assert abs(values.mean() - corpus.truth.entropy) < 4.5 * values.std() / 20


def test_cut_sentences_have_no_truth():
    corpus = load_corpus(CorpusConfig(**SMALL, max_length=8))
    assert corpus.truth is None
    assert int(corpus.train.lengths.max()) == 9
    assert any("true entropy" in note for note in corpus.notes)


def test_unknown_words_are_counted():
    corpus = load_corpus(CorpusConfig(**SMALL, max_vocab=50))
    assert len(corpus.vocabulary) == 54
    unknown = int((corpus.test.tokens == UNK).sum())
    assert unknown > 0
    assert f"{100 * unknown / len(corpus.test.tokens):.1f} % unknown" in corpus.notes[2]


def test_words_are_frequent_first():
    corpus = load_corpus(CorpusConfig(**SMALL))
    counts = np.bincount(corpus.train.tokens.numpy(), minlength=len(corpus.vocabulary))[4:]
    assert all(a >= b for a, b in pairwise(counts))


def test_a_tokenizer_does_not_fit():
    with pytest.raises(UsageError, match=r"corpus\.tokenizer: 'basic_english' doesn't fit the synthetic corpus"):
        load_corpus(CorpusConfig(tokenizer="basic_english"))


def test_lexicon_lists_have_no_word_twice():
    for topic in [*lexicon.TOPICS.values(), lexicon.ANY_TOPIC]:
        for field in ("people", "verbs", "good_verbs", "bad_verbs", "places"):
            entries = [" ".join(e.split()) for e in getattr(topic, field).split(",")]
            assert len(set(entries)) == len(entries) > 0
            width = {"people": 2, "verbs": 3, "good_verbs": 3, "bad_verbs": 3}.get(field)
            assert width is None or all(len(e.split()) == width for e in entries), entries
        for field in ("things", "good", "bad"):
            words = getattr(topic, field).split()
            assert len(set(words)) == len(words)
