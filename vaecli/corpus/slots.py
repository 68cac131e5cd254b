"""What a grammar is made of: latent factors, and slots whose phrases depend on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Factor:
    """A latent factor.

    Attributes:
        name: Its name.
        weights: Value to its probability, up to a constant.
    """

    name: str
    weights: Mapping[str, float]

    @property
    def values(self) -> tuple[str, ...]:
        """The values in their order."""
        return tuple(self.weights)

    @property
    def probabilities(self) -> Floats:
        """(values,) p(value)."""
        weights = np.array(list(self.weights.values()), dtype=np.float64)
        return np.asarray(weights / weights.sum())

    @property
    def entropy(self) -> float:
        """H(factor) in nats."""
        return float(entropy(self.probabilities))


@dataclass(frozen=True)
class Slot:
    """A gap in a sentence, filled with one phrase.

    Attributes:
        name: Slots of one name are one slot, used in several templates.
        factors: Names of the factors that the phrase depends on.
        choices: For each combination of their values, phrase to its probability up to a constant; ``""`` is no word.
    """

    name: str
    factors: tuple[str, ...]
    choices: Mapping[tuple[str, ...], Mapping[str, float]]


class SlotTable:
    """A slot in numbers: p(phrase | setting of all factors), and its phrases by their first word."""

    def __init__(self, slot: Slot, factors: Sequence[Factor], first_id: int) -> None:
        self.slot = slot
        phrases = sorted({phrase for choice in slot.choices.values() for phrase in choice})
        self.phrases = [tuple(phrase.split()) for phrase in phrases]
        self.keys = list(slot.choices)
        weights = np.array([[slot.choices[key].get(phrase, 0.0) for phrase in phrases] for key in self.keys])
        self.probabilities: Floats = weights / weights.sum(1, keepdims=True)
        self.cumulative: Floats = self.probabilities.cumsum(1)
        self.cumulative /= self.cumulative[:, -1:]  # exactly 1 at the end, so a uniform number never falls behind it
        self.key_of_setting = self._key_of_setting(slot, factors)
        self.first_id = first_id
        self.empty = first_id + self.phrases.index(()) if () in self.phrases else None
        self.by_first: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
        for n, phrase in enumerate(self.phrases):
            if phrase:
                self.by_first.setdefault(phrase[0], []).append((first_id + n, phrase))

    def _key_of_setting(self, slot: Slot, factors: Sequence[Factor]) -> Ints:
        names = [factor.name for factor in factors]
        if unknown := sorted(set(slot.factors) - set(names)):
            raise ValueError(f"slot {slot.name!r} depends on unknown factors: {', '.join(unknown)}")
        number = {key: n for n, key in enumerate(self.keys)}
        shape = tuple(len(factor.values) for factor in factors)
        result = np.empty(math.prod(shape), dtype=np.int64)
        for n, setting in enumerate(np.ndindex(shape)):
            value = {factor.name: factor.values[i] for factor, i in zip(factors, setting, strict=True)}
            key = tuple(value[name] for name in slot.factors)
            if key not in number:
                raise ValueError(f"slot {slot.name!r} has no choices for {key}")
            result[n] = number[key]
        return result

    @property
    def log_probabilities(self) -> Floats:
        """(phrases, settings) log p(phrase | setting), -inf where it can't be."""
        with np.errstate(divide="ignore"):
            return np.log(self.probabilities.T)[:, self.key_of_setting]

    @property
    def entropies(self) -> Floats:
        """(settings,) entropy of the phrase in nats."""
        return entropy(self.probabilities)[self.key_of_setting]

    @property
    def mean_words(self) -> Floats:
        """(settings,) mean of the words of the phrase."""
        lengths = np.array([len(phrase) for phrase in self.phrases], dtype=np.float64)
        return np.asarray((self.probabilities @ lengths)[self.key_of_setting])


def entropy(probabilities: Floats) -> Floats:
    """Entropy in nats over the last axis, 0 log 0 being 0."""
    logs = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    return np.asarray(-(probabilities * logs).sum(-1))
