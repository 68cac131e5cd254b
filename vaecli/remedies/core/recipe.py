"""How a remedy's paper trains it: what ``--protocol published`` runs it with, as typed data beside the remedy.

One rule fits a recipe to a run of another length. A number of epochs, such as that of a warm-up, becomes the same share
of the run: n of the paper's E epochs are ``n * epochs / E`` of the run's. Rates, clips, factors, batch sizes and the
validations that a decay waits for stay as printed; sizes, dropout, corpus and number of epochs are the run's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vaecli.core.errors import UsageError


@dataclass(frozen=True)
class Epochs:
    """A number of epochs of the paper's training; see `scaled`."""

    count: float

    def __str__(self) -> str:
        """``10 epochs``."""
        return f"{self.count:g} epochs"


RecipeValue = bool | int | float | str | Epochs
Hyper = Mapping[str, Mapping[str, RecipeValue]]
"""Hyper-parameters by remedy."""


@dataclass(frozen=True)
class Recipe:
    """The training of a paper; what it doesn't tell is None or left out, and stays as under the shared protocol.

    Attributes:
        source: Paper or code, and the corpus where recipes differ by corpus.
        epochs: Length of the paper's training, in epochs; None where it isn't told, and then no count may be given.
        optimizer: ``adam``, or ``sgd`` without momentum.
        learning_rate: The first one.
        clip: Largest global norm of the gradient.
        batch_size: Sentences.
        decay: Factor on the learning rate at a stall of the validation.
        patience: Validations without a better one before a decay; one an epoch, whatever the length of training.
        decay_start: Epochs before the first decay.
        max_decays: Decays after which a stall ends the training.
        reload_best: Whether a decay goes back to the best weights.
        init_range: Weights from U(-r, r).
        embedding_init_range: Embeddings from U(-r, r).
        companions: Remedies that the paper always uses with this one, if the method has none that changes the same.
        hyper: Hyper-parameters by remedy, of those in the method.
        left_out: Of the paper's training, what no setting here can say; a clause each.
        unconfirmed: What of the above was not seen in the paper or its code; a clause each.
    """

    source: str
    epochs: int | None = None
    optimizer: Literal["adam", "sgd"] | None = None
    learning_rate: float | None = None
    clip: float | None = None
    batch_size: int | None = None
    decay: float | None = None
    patience: int | None = None
    decay_start: Epochs | None = None
    max_decays: int | None = None
    reload_best: bool | None = None
    init_range: float | None = None
    embedding_init_range: float | None = None
    companions: tuple[str, ...] = ()
    hyper: Hyper = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks that counts have a length that they are shares of.

        Raises:
            ValueError: They have none.
        """
        counts = any(isinstance(value, Epochs) for value in self.told().values())
        if counts and self.epochs is None:
            raise ValueError(f"{self.source}: numbers of epochs need the length of the training they are shares of")

    def told(self) -> dict[str, RecipeValue]:
        """What the paper says, by the key of the setting, counts as printed."""
        groups = {"training": TRAINING_KEYS, "model": MODEL_KEYS}
        shared = {f"{group}.{key}": getattr(self, key) for group, keys in groups.items() for key in keys}
        own = {f"{name}.{key}": value for name, table in self.hyper.items() for key, value in table.items()}
        return {key: value for key, value in (shared | own).items() if value is not None}

    def settings(self, epochs: int) -> dict[str, RecipeValue]:
        """What a run of some epochs takes over, by the key of the setting, counts of epochs scaled.

        Args:
            epochs: Of the run.
        """
        return {key: self._scaled(key, value, epochs) for key, value in self.told().items()}

    def _scaled(self, key: str, value: RecipeValue, epochs: int) -> RecipeValue:
        if not isinstance(value, Epochs):
            return value
        assert self.epochs is not None
        count = scaled(value.count, self.epochs, epochs)
        return round(count) if key == "training.decay_start" else count


TRAINING_KEYS = (
    "optimizer",
    "learning_rate",
    "clip",
    "batch_size",
    "decay",
    "patience",
    "decay_start",
    "max_decays",
    "reload_best",
)
"""Settings of ``[training]`` that a recipe may have."""
MODEL_KEYS = ("init_range", "embedding_init_range")
"""Those of ``[model]``: how weights begin, and no size."""


def scaled(count: float, paper: int, run: int) -> float:
    """A paper's number of epochs as the same share of a run.

    Args:
        count: Epochs of the paper's training.
        paper: Length of that training.
        run: Length of the run.

    Raises:
        UsageError: A length is none.
    """
    if paper < 1 or run < 1:
        raise UsageError(f"training takes an epoch or more, got {min(paper, run)}")
    return count * run / paper
