"""The embedded corpus: English-like sentences about a topic, with sentiment, tense and number.

Its true entropy is known, so that a table can show how far each method is from the truth; its factors are the labels
of a latent probe. They hold over 6 nats, which a latent variable can carry, yet every word's factors can be told
from the words before it well enough for an LSTM decoder to need no latent variable: a vanilla VAE collapses on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, cached_property
from itertools import product

from vaecli.corpus import lexicon
from vaecli.corpus.grammar import Grammar, Posteriors
from vaecli.corpus.lexicon import TOPICS, Topic
from vaecli.corpus.slots import Factor, Slot
from vaecli.corpus.types import UNK, Split
from vaecli.corpus.vocabulary import SPECIALS

VERSION = 1
"""Raised when the sentences drawn from a seed would change."""

ENTROPY_SAMPLES = 10_000
"""Sentences whose exact posteriors estimate the entropy and the mutual information."""

TENSES = ("present", "past", "future")
NUMBERS = ("singular", "plural")
SENTIMENTS = ("positive", "negative")

FACTORS = (
    Factor("topic", dict.fromkeys(TOPICS, 1.0)),
    Factor("sentiment", dict.fromkeys(SENTIMENTS, 1.0)),
    Factor("tense", {"present": 0.4, "past": 0.35, "future": 0.25}),
    Factor("number", {"singular": 0.55, "plural": 0.45}),
)

TEMPLATES = {
    "plain": (0.22, "determiner adjective? person verb object_determiner thing_adjective? thing place? end"),
    "time": (0.14, "time , determiner person verb object_determiner thing_adjective? thing end"),
    "opinion": (0.14, "opinion determiner person verb object_determiner thing place? end"),
    "question": (0.12, "auxiliary determiner person base object_determiner thing_adjective? thing place? ?"),
    "state": (0.12, "determiner person copula degree? adjective place end"),
    "denial": (0.08, "determiner person auxiliary not base object_determiner thing_adjective? thing end"),
    "pronoun": (0.10, "pronoun verb object_determiner thing_adjective thing place? time? end"),
    "pair": (0.08, "determiner person verb object_determiner thing and object_determiner thing_adjective? thing end"),
}
"""Template to p(template) and its slots; ``?`` after a slot's name makes it optional, other words are literal."""

FILLED = 0.5
"""Probability that an optional slot is filled."""

SHARED = 0.2
"""Probability of a word or phrase that every topic has."""

Weights = dict[str, float]


def _falling(phrases: Sequence[str], total: float = 1.0) -> Weights:
    """Weights 1/4, 1/5, 1/6, ... scaled to a total: uneven, with no rare phrase."""
    raw = [1 / (n + 4) for n in range(len(phrases))]
    return {phrase: total * weight / sum(raw) for phrase, weight in zip(phrases, raw, strict=True)}


def _commas(text: str) -> list[str]:
    return [" ".join(entry.split()) for entry in text.split(",")]


def _mix(*parts: Mapping[str, float]) -> Weights:
    """The sum of weights; a phrase may be in several parts."""
    total: Weights = {}
    for part in parts:
        for phrase, weight in part.items():
            total[phrase] = total.get(phrase, 0.0) + weight
    return total


def _of_topic(topic: str, phrases: Callable[[Topic], Sequence[str]]) -> Weights:
    """The topic's own phrases, and now and then those of every topic."""
    return _mix(_falling(phrases(TOPICS[topic]), 1 - SHARED), _falling(phrases(lexicon.ANY_TOPIC), SHARED))


def _verbs(topic: str, sentiment: str, form: int) -> Weights:
    """One form (0 base, 1 present singular, 2 past) of a topic's verbs, half of them with a sentiment."""

    def neutral(words: Topic) -> list[str]:
        return [entry.split()[form] for entry in _commas(words.verbs)]

    def coloured(words: Topic) -> list[str]:
        text = words.good_verbs if sentiment == "positive" else words.bad_verbs
        return [entry.split()[form] for entry in _commas(text)]

    return _mix(_of_topic(topic, neutral), _of_topic(topic, coloured))


def _finite(topic: str, sentiment: str, tense: str, number: str) -> Weights:
    if tense == "future":
        return {f"will {verb}": weight for verb, weight in _verbs(topic, sentiment, 0).items()}
    form = 2 if tense == "past" else int(number == "singular")
    return _verbs(topic, sentiment, form)


def _people(topic: str, number: str) -> Weights:
    return _of_topic(topic, lambda words: [e.split()[NUMBERS.index(number)] for e in _commas(words.people)])


def _thing_adjectives(topic: str, sentiment: str) -> Weights:
    return _of_topic(topic, lambda words: (words.good if sentiment == "positive" else words.bad).split())


def _person_adjectives(sentiment: str) -> Weights:
    own = lexicon.PEOPLE_GOOD if sentiment == "positive" else lexicon.PEOPLE_BAD
    return _mix(_falling(own.split(), 0.75), _falling(lexicon.PEOPLE_EITHER.split(), 0.25))


def _slots() -> dict[str, Slot]:
    """All slots by name."""
    topics, fixed = list(TOPICS), _falling(_commas(lexicon.OBJECT_DETERMINERS))
    agreement = list(product(TENSES, NUMBERS))
    feeling = list(product(topics, SENTIMENTS))
    endings = {"positive": {".": 0.75, "!": 0.25}, "negative": {".": 0.9, "!": 0.1}}
    slots = [
        Slot("determiner", ("number",), {(n,): _falling(_commas(lexicon.DETERMINERS[n])) for n in NUMBERS}),
        Slot("adjective", ("sentiment",), {(s,): _person_adjectives(s) for s in SENTIMENTS}),
        Slot("person", ("topic", "number"), {key: _people(*key) for key in product(topics, NUMBERS)}),
        Slot(
            "verb",
            ("topic", "sentiment", "tense", "number"),
            {key: _finite(*key) for key in product(topics, SENTIMENTS, TENSES, NUMBERS)},
        ),
        Slot("base", ("topic", "sentiment"), {key: _verbs(*key, 0) for key in feeling}),
        Slot("object_determiner", (), {(): fixed}),
        Slot("thing_adjective", ("topic", "sentiment"), {key: _thing_adjectives(*key) for key in feeling}),
        Slot("thing", ("topic",), {(t,): _of_topic(t, lambda w: w.things.split()) for t in topics}),
        Slot("place", ("topic",), {(t,): _of_topic(t, lambda w: _commas(w.places)) for t in topics}),
        Slot("time", ("tense",), {(t,): _falling(_commas(lexicon.TIMES[t])) for t in TENSES}),
        Slot("opinion", ("sentiment",), {(s,): _falling(_commas(lexicon.OPINIONS[s])) for s in SENTIMENTS}),
        Slot("pronoun", ("number",), {(n,): _falling(_commas(lexicon.PRONOUNS[n])) for n in NUMBERS}),
        Slot("auxiliary", ("tense", "number"), {key: {lexicon.AUXILIARIES[key]: 1.0} for key in agreement}),
        Slot("copula", ("tense", "number"), {key: {lexicon.COPULAS[key]: 1.0} for key in agreement}),
        Slot("degree", (), {(): _falling(_commas(lexicon.DEGREES))}),
        Slot("end", ("sentiment",), {(s,): endings[s] for s in SENTIMENTS}),
    ]
    return {slot.name: slot for slot in slots}


def _slot(name: str, slots: Mapping[str, Slot]) -> Slot:
    base = name.rstrip("?")
    if name in slots:
        return slots[name]
    if base in slots:
        choices = {key: _mix(_scaled(c, FILLED), {"": 1 - FILLED}) for key, c in slots[base].choices.items()}
        return Slot(name, slots[base].factors, choices)
    return Slot(name, (), {(): {name: 1.0}})


def _scaled(weights: Mapping[str, float], total: float) -> Weights:
    scale = total / sum(weights.values())
    return {phrase: weight * scale for phrase, weight in weights.items()}


@cache
def synthetic_grammar() -> Grammar:
    """The grammar of the embedded corpus, built once."""
    slots = _slots()
    rows = {name: [_slot(part, slots) for part in row.split()] for name, (_, row) in TEMPLATES.items()}
    return Grammar(FACTORS, {name: weight for name, (weight, _) in TEMPLATES.items()}, rows)


class GrammarTruth:
    """What is exactly known of a grammar's sentences; the entropy is worked out when first asked for.

    H(x) = H(d) - E_x[H(d|x)] for derivations d, which determine x. The first term is exact; the second is the mean of
    exact values over drawn sentences, and small, so that the standard error is far below that of a mean of -log p(x).

    Args:
        grammar: The grammar.
        samples: Sentences drawn for the second term, from a seed of its own.
    """

    def __init__(self, grammar: Grammar, samples: int = ENTROPY_SAMPLES) -> None:
        self.grammar = grammar
        self.samples = samples

    def log_prob(self, sentence: Sequence[str]) -> float:
        """Exact log p(sentence) in nats; ``-inf`` outside the support."""
        return self.grammar.log_prob(sentence)

    def nll(self, split: Split) -> None:
        """None: reports have the grammar's entropy, whose error is far below that of a split's mean."""
        return None

    def of_vocabulary(self, words: Collection[str]) -> GrammarTruth:
        """Of the sentences in which all other words are ``<unk>``: what their grammar says."""
        grammar = self.grammar.of_vocabulary(words, SPECIALS[UNK])
        return self if grammar is self.grammar else GrammarTruth(grammar, self.samples)

    @cached_property
    def _posteriors(self) -> Posteriors:
        return self.grammar.posteriors(self.grammar.sample(self.samples, seed=0).sentences)

    @cached_property
    def entropy(self) -> float:
        """H(x) in nats per sentence."""
        return self.grammar.derivation_entropy - float(self._posteriors.derivation_entropy.mean())

    @cached_property
    def entropy_se(self) -> float:
        """Standard error of the entropy."""
        return float(self._posteriors.derivation_entropy.std(ddof=1)) / math.sqrt(self.samples)

    @cached_property
    def mutual_information(self) -> dict[str, tuple[float, float]]:
        """I(x; factor) in nats and its standard error, by factor, for ``template``, and for ``all`` together."""
        marginal = {f.name: f.entropy for f in (*self.grammar.factors, self.grammar.template)}
        marginal["all"] = sum(marginal.values())
        open_ = self._posteriors.factor_entropies
        return {
            name: (value - float(open_[name].mean()), float(open_[name].std(ddof=1)) / math.sqrt(self.samples))
            for name, value in marginal.items()
        }


@cache
def synthetic_truth() -> GrammarTruth:
    """The truth of the embedded corpus, worked out once a process."""
    return GrammarTruth(synthetic_grammar())
