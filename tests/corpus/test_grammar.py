import math
import random
from collections import defaultdict
from itertools import product

import numpy as np
import pytest

from vaecli.corpus.grammar import Grammar
from vaecli.corpus.slots import Factor, Slot
from vaecli.corpus.synthetic import GrammarTruth

MOOD = Factor("mood", {"a": 1, "b": 3})
RED = Slot("red", (), {(): {"red": 1.0}})
MAYBE_RED = Slot("red?", (), {(): {"red": 1.0, "": 1.0}})
NOUN = Slot("noun", ("mood",), {("a",): {"cat": 1.0}, ("b",): {"cat": 1.0, "dog": 1.0}})


def tiny() -> Grammar:
    return Grammar([MOOD], {"t": 1, "u": 1}, {"t": [MAYBE_RED, NOUN], "u": [RED, NOUN]})


def enumerate_grammar(factors, templates, rows):
    """p(words) by summing over every setting, template and row of phrases, in plain Python."""
    total = defaultdict(float)
    weight = sum(templates.values())
    for setting in product(*(f.weights.items() for f in factors)):
        values = {f.name: value for f, (value, _) in zip(factors, setting, strict=True)}
        p_setting = math.prod(w / sum(f.weights.values()) for f, (_, w) in zip(factors, setting, strict=True))
        for name, slots in rows.items():
            lists = [slot.choices[tuple(values[g] for g in slot.factors)] for slot in slots]
            for phrases in product(*(choices.items() for choices in lists)):
                p = p_setting * templates[name] / weight
                for choices, (_, w) in zip(lists, phrases, strict=True):
                    p *= w / sum(choices.values())
                total[tuple(" ".join(phrase for phrase, _ in phrases).split())] += p
    return dict(total)


def random_grammar(seed):
    """Few words in many slots, so that nearly every sentence is ambiguous."""
    rng = random.Random(seed)
    factors = [Factor("f", {"0": rng.random(), "1": rng.random()}), Factor("g", dict.fromkeys("xyz", 1.0))]

    def slot(n):
        names = rng.choice([(), ("f",), ("g",), ("g", "f")])
        keys = product(*(next(f for f in factors if f.name == g).values for g in names))
        phrases = ["", "a", "b", "a b", "b a a", "c"]
        return Slot(f"s{n}", names, {k: {p: rng.random() for p in rng.sample(phrases, 3)} for k in keys})

    slots = [slot(n) for n in range(5)]
    templates = {"p": 1.0, "q": rng.random()}
    return factors, templates, {"p": slots[:3], "q": [slots[3], slots[1], slots[4], slots[1]]}


def test_hand_worked_probabilities():
    # p(cat) as a noun = 1/4 * 1 + 3/4 * 1/2 = 5/8, p(dog) = 3/8.
    # "red cat": template t 1/2 * 1/2 * 5/8 = 5/32, template u 1/2 * 5/8 = 10/32, together 15/32.
    # "cat": 1/2 * 1/2 * 5/8 = 5/32; "red dog": 9/32; "dog": 3/32. The four sum to 1.
    grammar = tiny()
    expected = {"red cat": 15 / 32, "cat": 5 / 32, "red dog": 9 / 32, "dog": 3 / 32}
    for sentence, p in expected.items():
        assert grammar.log_prob(sentence.split()) == pytest.approx(math.log(p), abs=1e-12)


def test_hand_worked_posterior_entropies():
    def h(*ps):
        return -sum(p * math.log(p) for p in ps)

    # given "red cat": p(mood a) = (1/4) / (5/8) = 2/5; p(template t) = 5/15; the two are independent
    # given "dog": the mood is b and the template t
    posteriors = tiny().posteriors([["red", "cat"], ["dog"]])
    assert posteriors.factor_entropies["mood"] == pytest.approx([h(0.4, 0.6), 0])
    assert posteriors.factor_entropies["template"] == pytest.approx([h(1 / 3, 2 / 3), 0])
    assert posteriors.factor_entropies["all"] == pytest.approx([h(0.4, 0.6) + h(1 / 3, 2 / 3), 0])
    assert posteriors.log_prob == pytest.approx(np.log([15 / 32, 3 / 32]))


def test_two_derivations_under_one_setting_are_open_though_the_factors_are_not():
    again = Slot("again?", (), {(): {"red": 1.0, "": 1.0}})
    grammar = Grammar([], {"t": 1}, {"t": [MAYBE_RED, again]})
    posterior = grammar.posteriors([["red"]])
    assert posterior.derivation_entropy == pytest.approx([math.log(2)])
    assert posterior.factor_entropies["all"] == pytest.approx([0])
    assert grammar.log_prob(["red"]) == pytest.approx(math.log(1 / 4 + 1 / 4))


def test_outside_the_support():
    grammar = tiny()
    for sentence in ([], ["red"], ["blue", "cat"], ["cat", "cat"], ["red", "red", "cat"], ["cat", "red"]):
        assert grammar.log_prob(sentence) == -math.inf
    with pytest.raises(ValueError, match="outside the support: 'cat cat'"):
        grammar.posteriors([["cat"], ["cat", "cat"]])


def test_words_that_no_single_setting_allows():
    first = Slot("first", ("mood",), {("a",): {"x": 1.0}, ("b",): {"y": 1.0}})
    second = Slot("second", ("mood",), {("a",): {"x": 1.0}, ("b",): {"y": 1.0}})
    grammar = Grammar([MOOD], {"t": 1}, {"t": [first, second]})
    assert grammar.log_prob(["x", "x"]) == pytest.approx(math.log(1 / 4))
    assert grammar.log_prob(["x", "y"]) == -math.inf
    with pytest.raises(ValueError, match="outside the support"):
        grammar.posteriors([["x", "x"], ["x", "y"]])


@pytest.mark.parametrize("seed", range(8))
def test_random_grammars_agree_with_enumeration(seed):
    factors, templates, rows = random_grammar(seed)
    exact = enumerate_grammar(factors, templates, rows)
    grammar = Grammar(factors, templates, rows)
    probabilities = {words: math.exp(grammar.log_prob(words)) for words in exact}
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-10)
    assert probabilities == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_entropy_and_information_agree_with_enumeration(seed):
    factors, templates, rows = random_grammar(seed)
    exact = enumerate_grammar(factors, templates, rows)
    entropy = -sum(p * math.log(p) for p in exact.values())
    conditional = 0.0
    for value, weight in factors[0].weights.items():
        p_value = weight / sum(factors[0].weights.values())
        fixed = enumerate_grammar([Factor("f", {value: 1.0}), factors[1]], templates, rows)
        conditional -= p_value * sum(p * math.log(p) for p in fixed.values())
    truth = GrammarTruth(Grammar(factors, templates, rows), samples=4000)
    assert 0 < truth.entropy_se < 0.03
    assert abs(truth.entropy - entropy) < 4.5 * truth.entropy_se
    information, error = truth.mutual_information["f"]
    assert abs(information - (entropy - conditional)) < 4.5 * error + 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_words_left_out_of_a_vocabulary_are_one_word(seed):
    """p of a text with `<unk>` is the sum over all sentences that are read so; the entropy is that of these texts."""
    factors, templates, rows = random_grammar(seed)
    exact = defaultdict(float)
    for words, p in enumerate_grammar(factors, templates, rows).items():
        exact[tuple(word if word == "a" else "<unk>" for word in words)] += p
    grammar = Grammar(factors, templates, rows).of_vocabulary(["a"], "<unk>")
    assert {words: math.exp(grammar.log_prob(words)) for words in exact} == pytest.approx(exact, abs=1e-12)
    truth = GrammarTruth(Grammar(factors, templates, rows), samples=4000).of_vocabulary(["a"])
    entropy = -sum(p * math.log(p) for p in exact.values())
    assert abs(truth.entropy - entropy) < 4.5 * truth.entropy_se


def test_a_vocabulary_with_all_words_leaves_a_grammar_as_it_is():
    grammar = tiny()
    assert grammar.of_vocabulary(["red", "cat", "dog", "emu"], "<unk>") is grammar
    truth = GrammarTruth(grammar)
    assert truth.of_vocabulary(["red", "cat", "dog"]) is truth


def test_hand_worked_probability_of_an_unknown_word():
    # "red <unk>" is "red cat" 15/32 or "red dog" 9/32; "<unk>" 5/32 + 3/32
    grammar = tiny().of_vocabulary(["red"], "<unk>")
    assert grammar.log_prob(["red", "<unk>"]) == pytest.approx(math.log(24 / 32))
    assert grammar.log_prob(["<unk>"]) == pytest.approx(math.log(8 / 32))
    assert grammar.log_prob(["cat"]) == -math.inf


def test_sample_frequencies_and_labels():
    count = 20_000
    sample = tiny().sample(count, seed=1)
    for sentence, p in {"red cat": 15 / 32, "cat": 5 / 32, "red dog": 9 / 32, "dog": 3 / 32}.items():
        frequency = sum(" ".join(words) == sentence for words in sample.sentences) / count
        assert abs(frequency - p) < 5 * math.sqrt(p * (1 - p) / count)
    mood, template = sample.labels["mood"], sample.labels["template"]
    assert abs(mood.mean() - 0.75) < 5 * math.sqrt(0.75 * 0.25 / count)
    dogs = np.array(["dog" in words for words in sample.sentences])
    assert (mood[dogs] == 1).all()
    assert abs(dogs[mood == 1].mean() - 0.5) < 0.02
    assert all(words[0] == "red" for words, t in zip(sample.sentences, template, strict=True) if t == 1)


def test_a_larger_sample_goes_on_where_a_smaller_one_ends():
    small, large = tiny().sample(10, seed=3), tiny().sample(25, seed=3)
    assert large.sentences[:10] == small.sentences
    assert tiny().sample(25, seed=4).sentences != large.sentences


def test_bad_grammars_are_refused():
    lame = Slot("noun", ("mood",), {("a",): {"cat": 1.0}})
    with pytest.raises(ValueError, match=r"slot 'noun' has no choices for \('b',\)"):
        Grammar([MOOD], {"t": 1}, {"t": [lame]})
    with pytest.raises(ValueError, match="depends on unknown factors: tone"):
        Grammar([MOOD], {"t": 1}, {"t": [Slot("n", ("tone",), {("a",): {"cat": 1.0}})]})
    with pytest.raises(ValueError, match="two slots are called 'red'"):
        Grammar([MOOD], {"t": 1}, {"t": [RED, Slot("red", (), {(): {"blue": 1.0}})]})
