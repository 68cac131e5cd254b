"""Which trials the grids of this folder have, in an order of which each beginning is balanced.

The grids say what is trained: corpus, methods, seeds, decoders, latent sizes, protocols. The order says when. A seed
is done before the next. It begins with vanilla in each of the 27 cells of corpus, decoder and latent size, which is
what prices are over. Then there are 27 rounds; in each, every other method has one cell, so that a round has each cell
about equally often, and the order of methods is drawn once. Rounds 1 to 3, 4 to 6 and so on give a method all decoders
on one corpus at one latent size, so that three rounds say what a stronger decoder leaves of its information; nine
give it each corpus and each latent size, and all rounds every cell. A method under its paper's protocol follows the
same method under the shared one; one without a recipe is trained once, being the same under both. Methods whose update
takes more than `DEAREST` times that of vanilla come after all others of their seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from experiments.atlas.design import DEAREST
from vaecli.config import RunConfig
from vaecli.remedies import remedy_class
from vaecli.settings.protocols import SHARED, published
from vaecli.settings.resolve import Settings, load_settings

HERE = Path(__file__).parent
CORPORA = ("synthetic", "mixture", "oracle")
DECODER, LATENT, PROTOCOL = "model.decoder_size", "model.latent_size", "training.protocol"

BASELINE = "vanilla"
ORDER_SEED = 0
"""Of the order of methods within a round."""

Cell = tuple[str, int, int]
"""Corpus, units of the decoder, latent size."""


@dataclass(frozen=True)
class Trial:
    """A trial of the grids.

    Attributes:
        method: As the grid names it; its paper's protocol may add remedies.
        cell: Where.
        protocol: ``shared`` or ``published``.
        seed: Of initialisation, data order and noise.
    """

    method: str
    cell: Cell
    protocol: str
    seed: int

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from all others, as its row has it."""
        corpus, decoder, latent = self.cell
        return (self.method, corpus, str(decoder), str(latent), self.protocol, str(self.seed))

    def config(self) -> RunConfig:
        """All settings of the run."""
        corpus, decoder, latent = self.cell
        variant = {DECODER: decoder, LATENT: latent, PROTOCOL: self.protocol}
        return grid(corpus).config(self.method, self.seed, None, variant)

    def row(self) -> dict[str, Any]:
        """Its columns in the table."""
        return dict(zip(KEYS, (self.method, *self.cell, self.protocol, self.seed), strict=True))


KEYS = ("method", "corpus", "decoder_size", "latent_size", "training_protocol", "seed")
"""Columns that tell a trial from all others, in the order of `Trial.key`."""


@cache
def grid(corpus: str) -> Settings:
    """The grid of a corpus."""
    return load_settings(HERE / f"{corpus}.toml")


def cells(corpora: Sequence[str], decoders: Sequence[int], latents: Sequence[int]) -> list[Cell]:
    """All 27 combinations, in threes that differ in the decoder alone, of which three in a row have each value once.

    Cell t = a + 3 b + 9 c has decoder a, latent size b and corpus b + c, modulo 3.

    Raises:
        ValueError: An axis hasn't three values.
    """
    if {len(corpora), len(decoders), len(latents)} != {3}:
        raise ValueError("the rounds are of three corpora, three decoders and three latent sizes")
    combinations = []
    for t in range(27):
        a, b, c = t % 3, t // 3 % 3, t // 9
        combinations.append((corpora[(b + c) % 3], decoders[a], latents[b]))
    return combinations


@cache
def methods() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The methods of the grids but vanilla, and those of them that come last; in an order that is drawn.

    By the table of methods, the beginning of a round would be of one family.
    """
    names = [name for name in grid(CORPORA[0]).methods if name != BASELINE]
    drawn = np.random.Generator(np.random.PCG64(ORDER_SEED)).permutation(len(names))
    known = [names[n] for n in drawn.tolist()]
    dear = tuple(name for name in known if cost(name) > DEAREST)
    return tuple(name for name in known if name not in dear), dear


def cost(method: str) -> float:
    """Time of an update relative to vanilla, about."""
    return max(remedy_class(part).cost for part in method.split("+"))


@cache
def protocols(method: str) -> tuple[str, ...]:
    """Those of the grids under which a method is trained: the shared one alone without a recipe."""
    chosen: Mapping[str, Sequence[Any]] = grid(CORPORA[0]).choices
    known = published(method, 1).is_known
    return tuple(name for name in chosen[PROTOCOL] if name == SHARED or known)


def trials() -> Iterator[Trial]:
    """All trials in their order."""
    settings = grid(CORPORA[0])
    grid_cells = cells(CORPORA, settings.choices[DECODER], settings.choices[LATENT])
    for seed in settings.seeds:
        for cell in grid_cells:
            for protocol in protocols(BASELINE):
                yield Trial(BASELINE, cell, protocol, seed)
        for names in methods():
            for turn in range(len(grid_cells)):
                for number, method in enumerate(names):
                    cell = grid_cells[3 * ((turn // 3 + number // 3) % 9) + (turn + number) % 3]
                    for protocol in protocols(method):
                        yield Trial(method, cell, protocol, seed)
