"""Probabilistic grammars over latent factors whose log p(x), entropy and mutual information are known.

A sentence is drawn in three steps: the factors, independently; one of the templates, a fixed row of slots; then for
each slot a phrase, given those factors that the slot looks at. A phrase has any number of words, also none. Several
settings of the factors, templates and rows of phrases may give the same words, so every figure here sums over them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vaecli.corpus.slots import Factor, Floats, Ints, Slot, SlotTable, entropy

Parse = tuple[int, tuple[int, ...]]
"""A template's number and the numbers of the phrases in its slots."""


def _sums(index: Ints, values: Floats, count: int) -> Floats:
    """(count,) sum of the values at each index."""
    return np.bincount(index, values, minlength=count).astype(np.float64)


def _outside(sentence: Sequence[str]) -> ValueError:
    return ValueError(f"outside the support: {' '.join(sentence)!r}")


@dataclass(frozen=True)
class Sample:
    """Sentences drawn from a grammar.

    Attributes:
        sentences: Their words.
        labels: For each factor and for ``template``, (N,) the number of its value.
    """

    sentences: list[list[str]]
    labels: dict[str, Ints]


@dataclass(frozen=True)
class Posteriors:
    """What the words tell of the way they came about, for N sentences.

    Attributes:
        log_prob: (N,) exact log p(x) in nats; -inf outside the support.
        derivation_entropy: (N,) H(setting, template, phrases | x) in nats.
        factor_entropies: For each factor, for ``template`` and for ``all`` of them together, (N,) H(. | x) in nats.
    """

    log_prob: Floats
    derivation_entropy: Floats
    factor_entropies: dict[str, Floats]


class Grammar:
    """A probabilistic grammar over independent latent factors.

    Args:
        factors: The latent factors; `template` is one more.
        templates: p(template), up to a constant.
        slots: For each template, its row of slots.

    Raises:
        ValueError: A slot depends on a factor that isn't there, or lacks choices for some of its values; or two slots
            have one name.
    """

    def __init__(
        self, factors: Sequence[Factor], templates: Mapping[str, float], slots: Mapping[str, Sequence[Slot]]
    ) -> None:
        self.factors = tuple(factors)
        self.template = Factor("template", templates)
        self._shape = tuple(len(factor.values) for factor in self.factors)
        self._tables: dict[str, SlotTable] = {}
        self._rows = [[self._table(slot) for slot in slots[value]] for value in self.template.values]
        tables = self._tables.values()
        self._phrases = [phrase for table in tables for phrase in table.phrases]
        # a last row of zeros pads templates with fewer slots
        count = math.prod(self._shape)
        self._log_phrase = np.concatenate([*(table.log_probabilities for table in tables), np.zeros((1, count))])
        self._setting = np.ones(1)
        for factor in self.factors:
            self._setting = np.outer(self._setting, factor.probabilities).ravel()

    def _table(self, slot: Slot) -> SlotTable:
        if slot.name not in self._tables:
            first_id = sum(len(table.phrases) for table in self._tables.values())
            self._tables[slot.name] = SlotTable(slot, self.factors, first_id)
        if self._tables[slot.name].slot != slot:
            raise ValueError(f"two slots are called {slot.name!r}")
        return self._tables[slot.name]

    @property
    def words(self) -> list[str]:
        """All word types, sorted."""
        return sorted({word for phrase in self._phrases for word in phrase})

    @property
    def label_names(self) -> dict[str, tuple[str, ...]]:
        """The values of each factor and of ``template``."""
        return {factor.name: factor.values for factor in (*self.factors, self.template)}

    def of_vocabulary(self, words: Collection[str], unknown: str) -> Grammar:
        """The grammar of the same sentences with one word in place of all but these; itself where it has no others.

        Phrases that become alike are one phrase, as probable as they are together.

        Args:
            words: Those that stay.
            unknown: Stands for the others.
        """
        known = set(words)
        if known.issuperset(self.words):
            return self

        def merged(slot: Slot) -> Slot:
            choices: dict[tuple[str, ...], dict[str, float]] = {}
            for key, weights in slot.choices.items():
                choices[key] = {}
                for phrase, weight in weights.items():
                    text = " ".join(word if word in known else unknown for word in phrase.split())
                    choices[key][text] = choices[key].get(text, 0.0) + weight
            return Slot(slot.name, slot.factors, choices)

        values = zip(self.template.values, self._rows, strict=True)
        rows = {value: [merged(table.slot) for table in tables] for value, tables in values}
        return Grammar(self.factors, self.template.weights, rows)

    def sample(self, count: int, seed: int) -> Sample:
        """Draws sentences; a larger count goes on where a smaller one ends.

        Args:
            count: Number of sentences.
            seed: Of a stream of its own.
        """
        width = len(self.factors) + 1 + max(map(len, self._rows))
        uniform = np.random.Generator(np.random.PCG64(seed)).random((count, width))
        labels: dict[str, Ints] = {}
        for column, factor in enumerate((*self.factors, self.template)):
            cumulative = factor.probabilities.cumsum()
            labels[factor.name] = np.searchsorted(cumulative / cumulative[-1], uniform[:, column], side="right")
        settings = np.ravel_multi_index(tuple(labels[factor.name] for factor in self.factors), self._shape)
        phrases = self._draw(labels["template"], settings, uniform[:, len(self.factors) + 1 :])
        lookup = [*self._phrases, ()]
        sentences = [[word for phrase in row for word in lookup[phrase]] for row in phrases.tolist()]
        return Sample(sentences, labels)

    def _draw(self, templates: Ints, settings: Ints, uniform: Floats) -> Ints:
        """(N, slots) numbers of the phrases, padded with the number of no phrase."""
        phrases = np.full(uniform.shape, len(self._phrases), dtype=np.int64)
        for template, tables in enumerate(self._rows):
            rows = np.nonzero(templates == template)[0]
            for column, table in enumerate(tables):
                keys = table.key_of_setting[settings[rows]]
                for key in np.unique(keys):
                    some = rows[keys == key]
                    drawn = np.searchsorted(table.cumulative[key], uniform[some, column], side="right")
                    phrases[some, column] = drawn + table.first_id
        return phrases

    def parses(self, sentence: Sequence[str]) -> list[Parse]:
        """All ways to read a sentence as a template with phrases, under any setting of the factors."""
        words = tuple(sentence)
        whole: list[Parse] = []
        for template, tables in enumerate(self._rows):
            partial: list[tuple[int, tuple[int, ...]]] = [(0, ())]
            for table in tables:
                longer = []
                for position, ids in partial:
                    if table.empty is not None:
                        longer.append((position, (*ids, table.empty)))
                    if position < len(words):
                        for number, phrase in table.by_first.get(words[position], ()):
                            end = position + len(phrase)
                            if words[position:end] == phrase:
                                longer.append((end, (*ids, number)))
                partial = longer
                if not partial:
                    break
            whole += [(template, ids) for position, ids in partial if position == len(words)]
        return whole

    def _log_joint(self, parses: Sequence[Parse]) -> Floats:
        """(parses, settings) log p(setting, template, phrases)."""
        with np.errstate(divide="ignore"):
            log_template, log_setting = np.log(self.template.probabilities), np.log(self._setting)
        joint = log_template[[template for template, _ in parses], None] + log_setting
        ids = np.full((len(parses), max(map(len, self._rows))), len(self._phrases), dtype=np.int64)
        for row, (_, phrases) in enumerate(parses):
            ids[row, : len(phrases)] = phrases
        for column in ids.T:
            joint += self._log_phrase[column]
        return np.asarray(joint)

    def log_prob(self, sentence: Sequence[str]) -> float:
        """Exact log p(sentence) in nats, summed over settings, templates and phrases; -inf outside the support."""
        parses = self.parses(sentence)
        if not parses:
            return -math.inf
        return float(np.logaddexp.reduce(self._log_joint(parses), axis=None))

    @property
    def derivation_entropy(self) -> float:
        """Exact H(setting, template, phrases) in nats."""
        template = self.template.probabilities
        total = self.template.entropy + sum(factor.entropy for factor in self.factors)
        for probability, tables in zip(template, self._rows, strict=True):
            total += float(probability) * sum(float(self._setting @ table.entropies) for table in tables)
        return total

    @property
    def mean_words(self) -> float:
        """Exact mean of the words of a sentence."""
        return sum(
            float(probability) * sum(float(self._setting @ table.mean_words) for table in tables)
            for probability, tables in zip(self.template.probabilities, self._rows, strict=True)
        )

    def posteriors(self, sentences: Sequence[Sequence[str]]) -> Posteriors:
        """Exact log p(x) of many sentences of the language, and how much they leave open of their derivation.

        Raises:
            ValueError: A sentence is outside the support.
        """
        parts = [self._posteriors(sentences[start : start + 2_000]) for start in range(0, len(sentences), 2_000)]
        names = parts[0].factor_entropies
        return Posteriors(
            np.concatenate([part.log_prob for part in parts]),
            np.concatenate([part.derivation_entropy for part in parts]),
            {name: np.concatenate([part.factor_entropies[name] for part in parts]) for name in names},
        )

    def _posteriors(self, sentences: Sequence[Sequence[str]]) -> Posteriors:
        parses = [self.parses(sentence) for sentence in sentences]
        counts = np.array([len(own) for own in parses])
        if not counts.all():
            raise _outside(sentences[int(counts.argmin())])
        flat = [parse for own in parses for parse in own]
        starts = counts.cumsum() - counts
        owner = np.repeat(np.arange(len(sentences)), counts)
        joint = np.exp(self._log_joint(flat))  # about exp(-60) at the least: far from underflow
        total = np.add.reduceat(joint.sum(1), starts)
        if not total.all():
            raise _outside(sentences[int(total.argmin())])
        joint /= total[owner, None]
        derivation = np.add.reduceat(entropy(joint), starts)
        return Posteriors(np.log(total), derivation, self._factor_entropies(joint, flat, owner))

    def _factor_entropies(self, joint: Floats, parses: Sequence[Parse], owner: Ints) -> dict[str, Floats]:
        """Of (parses, settings) p(setting, parse | x), which sums to 1 for each sentence."""
        count, templates = int(owner[-1]) + 1, len(self.template.values)
        starts = np.searchsorted(owner, np.arange(count))
        cell = owner * templates + np.array([template for template, _ in parses])
        # parses of one sentence and template differ in phrases only: together they are one value of the factors
        first = np.nonzero(np.diff(cell, prepend=-1))[0]
        merged = np.add.reduceat(joint, first)
        entropies = {"all": _sums(owner[first], entropy(merged), count)}
        entropies["template"] = entropy(_sums(cell, joint.sum(1), count * templates).reshape(count, templates))
        cube = np.add.reduceat(joint, starts).reshape(count, *self._shape)
        for axis, factor in enumerate(self.factors):
            others = tuple(n + 1 for n in range(len(self.factors)) if n != axis)
            entropies[factor.name] = entropy(cube.sum(others))
        return entropies
