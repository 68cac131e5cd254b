"""Which trials the atlas has: trial n is a function of n alone, so that the table grows and is never redrawn.

Settings are the point n of a Sobol sequence (Sobol 1967), shifted modulo 1 by a vector drawn once (Cranley and
Patterson 1976), so that every stretch of 64 fills each axis evenly. The method is the one in slot n mod 64 of a
permutation that each such stretch has of its own. Slots beyond the methods are empty, and left for methods to come:
`METHODS` is only ever added to, at its end, and no trial moves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from vaecli.config import RunConfig, build_config
from vaecli.remedies import remedy_class
from vaecli.remedies.core.sensible import Span
from vaecli.training.early_rule import SGD_FACTOR

VERSION = 1
"""Of the design; trials of different versions are never in one table."""

SLOTS = 64

METHODS = (
    *("vanilla", "beta", "linear_anneal", "sigmoid_anneal", "tanh_anneal", "cyclical", "control", "word_dropout"),
    *("historyless", "skip", "cnn", "lipschitz", "ae_pretrain", "free_bits", "soft_free_bits", "mdr", "target_kl"),
    *("bn", "bn_scale", "delta", "du", "vmf", "iaf", "mog", "vamp", "pooling", "info_mmd", "info_kl", "info_js"),
    *("info_stein", "wae", "wae_s", "dg", "bow", "mim", "denoising", "hr", "twr", "mi_constraint", "slvae"),
    *("mu_forcing", "beta_tc", "geco"),
    *("critic", "mpd", "coupled", "consistency", "power_spherical", "tilted", "scale", "fraternal", "dual_path"),
    *("lm_pretrain", "uni_pretrain", "di", "vq", "ivae", "ivae_mi"),
    *("anticollapse", "info_price"),
)
"""Those whose update takes at most `DEAREST` times that of vanilla, without `lm` and `ae`; `ivae` and `ivae_mi` have no
KL, hence no verdict."""

DEAREST = 4.0

KNOBS = {"linear_anneal": "share", "sigmoid_anneal": "share", "tanh_anneal": "share", "critic": "weight"}
"""Main knobs that aren't the first of a remedy's sensible ones: in short runs an annealing takes its share of them."""

LEVELS = 5
"""Values of a knob that is a number."""

RATES = 5e-4, 1.6e-2
"""Ends of Adam's learning rates; equal ratios are alike."""

OPTIMIZERS = ("adam", "sgd")
WIDTHS = (16, 32, 64, 128)
LATENTS = (2, 8, 16, 32)
EPOCHS = (2, 3, 5, 8)
CORPORA = ("synthetic", "mixture")
CORPORA_2 = (*CORPORA, "yelp_short", "ptb")
"""Those of trials from `REAL_FROM` on: real text too, of which the atlas takes slices; see `texts`."""

REAL_FROM = 256
"""The first trial that may be on real text."""

NOISES = (0.1, 0.2, 0.4)
"""Of trials from `NOISE_FROM` on that are on an embedded corpus: `corpus.noise`. All others have none."""

NOISE_FROM = 5_952
"""The first trial that has noise: by then each method has dozens without."""

AXES = ("learning_rate", "optimizer", "knob", "decoder_size", "latent_size", "epochs", "corpus", "noise")
"""New ones come at the end: the coordinates of the others stay."""

SENTENCES, HELD_OUT, BATCH = 3_200, 500, 32
"""Of train, so that an epoch has 100 updates; of valid and test each; of a batch."""

REPEATS = 6
"""Trials of each method that are repeated with another seed: what the seed alone does."""

SEEDS = 8
"""Seeds that stretches of 64 trials take in turn: all methods of a stretch share theirs."""


@dataclass(frozen=True)
class Trial:
    """A trial of the design.

    Attributes:
        number: Its n.
        method: A remedy.
        knob: Its main setting; empty for a method without.
        value: Of the knob.
        level: Which of the values it is, from 0.
        settings: Values by axis, `learning_rate` as the optimiser gets it.
        seed: Of initialisation, data order and noise.
    """

    number: int
    method: str
    knob: str
    value: float | int | str
    level: int
    settings: Mapping[str, Any]
    seed: int

    def config(self, texts: Path | None = None) -> RunConfig:
        """All settings of the run.

        Args:
            texts: The folder that holds a folder of each corpus that isn't embedded.
        """
        own = {self.method: {self.knob: self.value}} if self.knob else {}
        chosen = self.settings
        data = chosen["corpus"] if chosen["corpus"] in CORPORA or texts is None else str(texts / chosen["corpus"])
        return build_config(
            {
                "experiment": "atlas",
                "method": self.method,
                "hyper": own,
                "corpus": {
                    "data": data,
                    "train_size": SENTENCES,
                    "valid_size": HELD_OUT,
                    "test_size": HELD_OUT,
                    "noise": chosen["noise"],
                },
                "model": {
                    "embedding_size": 32,
                    "encoder_size": 32,
                    "decoder_size": chosen["decoder_size"],
                    "latent_size": chosen["latent_size"],
                },
                "training": {
                    "batch_size": BATCH,
                    "epochs": chosen["epochs"],
                    "optimizer": chosen["optimizer"],
                    "learning_rate": chosen["learning_rate"],
                    "seed": self.seed,
                    "threads": 1,
                    "device": "cpu",
                    "precision": "fp32",
                    "save_every": 0,
                },
                "evaluation": {"iw_samples": 20},
            },
            f"trial {self.number}",
        )

    def row(self) -> dict[str, Any]:
        """Its columns in the table."""
        return {
            "trial": self.number,
            "design": VERSION,
            "method": self.method,
            "knob": self.knob,
            "knob_value": self.value,
            "knob_level": self.level if self.knob else None,
            **self.settings,
            "seed": self.seed,
        }


def knob_of(method: str) -> str:
    """The main setting of a method; empty where it declares none that is worth trying."""
    return KNOBS.get(method) or next(iter(remedy_class(method).sensible), "")


def values_of(method: str) -> tuple[float | int | str, ...]:
    """The values of the main knob that are tried: words as they are, numbers at `LEVELS` equal steps."""
    knob = knob_of(method)
    if not knob:
        return ()
    sensible = remedy_class(method).sensible[knob]
    if not isinstance(sensible, Span):
        return sensible
    space = np.geomspace if sensible.log else np.linspace
    numbers = [float(f"{value:.4g}") for value in space(sensible.low, sensible.high, LEVELS)]
    return tuple(dict.fromkeys(round(number) for number in numbers)) if sensible.is_whole else tuple(numbers)


@cache
def shift() -> NDArray[np.float64]:
    """(axes,) the vector that all points are shifted by."""
    drawn: NDArray[np.float64] = np.random.Generator(np.random.PCG64(VERSION)).random(len(AXES))
    return drawn


def point(number: int) -> NDArray[np.float64]:
    """(axes,) the point of a trial, each coordinate at least 0 and below 1."""
    sequence = qmc.Sobol(len(AXES), scramble=False)
    if number:
        sequence.fast_forward(number)
    coordinates: NDArray[np.float64] = (sequence.random(1)[0] + shift()) % 1.0
    return coordinates


@cache
def slots(stretch: int) -> tuple[int, ...]:
    """The index in `METHODS` of the method of each slot of a stretch; slots with an index beyond its end are empty."""
    order = np.random.Generator(np.random.PCG64([VERSION, stretch])).permutation(SLOTS)
    return tuple(int(index) for index in order)


def choose(values: tuple[Any, ...], coordinate: float) -> tuple[int, Any]:
    """Which of some values a coordinate stands for, all of them equally often, and the value."""
    level = min(int(coordinate * len(values)), len(values) - 1)
    return level, values[level]


def trial(number: int) -> Trial | None:
    """The trial of a number; None where its slot is empty."""
    stretch, slot = divmod(number, SLOTS)
    index = slots(stretch)[slot]
    if index >= len(METHODS):
        return None
    shares = dict(zip(AXES, point(number).tolist(), strict=True))
    method = METHODS[index]
    values = values_of(method)
    level, value = choose(values, shares["knob"]) if values else (0, "")
    optimizer = choose(OPTIMIZERS, shares["optimizer"])[1]
    rate = RATES[0] * (RATES[1] / RATES[0]) ** shares["learning_rate"] * (SGD_FACTOR if optimizer == "sgd" else 1.0)
    corpus = choose(CORPORA if number < REAL_FROM else CORPORA_2, shares["corpus"])[1]
    is_noisy = number >= NOISE_FROM and corpus in CORPORA
    settings = {
        "learning_rate": float(f"{rate:.4g}"),
        "optimizer": optimizer,
        "decoder_size": choose(WIDTHS, shares["decoder_size"])[1],
        "latent_size": choose(LATENTS, shares["latent_size"])[1],
        "epochs": choose(EPOCHS, shares["epochs"])[1],
        "corpus": corpus,
        "noise": choose(NOISES, shares["noise"])[1] if is_noisy else 0.0,
    }
    return Trial(number, method, knob_of(method), value, level, settings, stretch % SEEDS)


def repeat(number: int) -> Trial | None:
    """The trial of a number with another seed, that no trial of the design has; None where its slot is empty."""
    once = trial(number)
    return None if once is None else replace(once, seed=once.seed + SEEDS)


def repeats(done: frozenset[int] = frozenset()) -> Iterator[Trial]:
    """The repeats that aren't done: a first trial of every method, a second one, and so on to `REPEATS`.

    They are of the first trials on embedded corpora, which have no noise.
    """
    firsts: dict[str, list[int]] = {method: [] for method in METHODS}
    for once in trials(corpora=CORPORA):
        own = firsts[once.method]
        if len(own) < REPEATS:
            own.append(once.number)
        if all(len(numbers) == REPEATS for numbers in firsts.values()):
            break
    for turn in range(REPEATS):
        for method in METHODS:
            again = repeat(firsts[method][turn])
            if again is not None and again.number not in done:
                yield again


def trials(done: frozenset[int] = frozenset(), corpora: Collection[str] = CORPORA_2) -> Iterator[Trial]:
    """The trials on some corpora that aren't done, in their order, without end."""
    number = 0
    while True:
        candidate = None if number in done else trial(number)
        if candidate is not None and candidate.settings["corpus"] in corpora:
            yield candidate
        number += 1
