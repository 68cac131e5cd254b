"""What a remedy is told of the collapse game, and the table of payoffs it may answer with; `docs/collapse_game.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from vaecli.model.posterior import Posterior

ROWS, COLUMNS = ("independent", "dependent"), ("equal", "different")
"""What player A chooses, z independent of x or not, and player B, q(z|x) equal to p(z) or not."""

CELLS = tuple((row, column) for row in ROWS for column in COLUMNS)

Cell = tuple[str, str]
Cells = dict[Cell, Tensor]
"""(N,) float64 payoff of each sentence, by row and column."""


@dataclass(frozen=True)
class Game:
    """The payoffs of a method.

    Attributes:
        cells: By row and column.
        rows: What A chooses between, in words.
        notes: How the cells were made, in plain words.
    """

    cells: Cells
    rows: tuple[str, str]
    notes: tuple[str, ...]


def cells_problem(game: Game, count: int) -> str:
    """What is no cell of a game, in words; an empty text where all are.

    Args:
        game: As a remedy gave it.
        count: N.
    """
    for cell in CELLS:
        values = game.cells.get(cell)
        if not isinstance(values, Tensor) or values.shape != (count,):
            told = f"of shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"as {type(values).__name__}"
            return f"the cell {cell} {told}, where a tensor (N,) has to be, N being {count} sentences"
    return ""


@dataclass(frozen=True)
class GameMeasures:
    """What the cells are made of, of N sentences, in nats per sentence.

    Attributes:
        log_prob: (N,) log p(x), or the bound that stands for it.
        prior: (N,) mean of log p(x|z) over codes of the prior.
        prior_codes: (S, N, Z) these codes.
        rec: (N,) E_q[-log p(x|z)].
        kl_dimensions: (N, Z) KL(q(z|x) || p(z)) by dimension, or (N, 1) where it has no dimensions.
        information: (N,) terms of the mutual information.
        marginal: (N,) log q(z) - log p(z) at z.
        posterior: q(z|x) of all sentences.
        z: (N, Z) a sample of each.
        kl_weight: Of the end of training.
        aux: The remedies' own modules, by remedy.
        map_features: Maps a module of (B, F) encoder features to its (N, ...) float64 values on all sentences.
    """

    log_prob: Tensor
    prior: Tensor
    prior_codes: Tensor
    rec: Tensor
    kl_dimensions: Tensor
    information: Tensor
    marginal: Tensor
    posterior: Posterior
    z: Tensor
    kl_weight: float
    aux: Mapping[str, nn.Module]
    map_features: Callable[[nn.Module], Tensor]

    @property
    def kl(self) -> Tensor:
        """(N,) KL(q(z|x) || p(z))."""
        return self.kl_dimensions.sum(1)
