"""What a remedy is: a frozen set of validated hyper-parameters that overrides only the hooks its paper changes.

The default of every hook is vanilla. Hooks map values to values, so remedies whose slots differ compose by chaining.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from vaecli.core.checked import Checked
from vaecli.corpus.types import Batch
from vaecli.model.posterior import Posterior
from vaecli.model.vae import VAE, Bound, Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.game import Game, GameMeasures

if TYPE_CHECKING:
    import torch


class Slot(StrEnum):
    """What a remedy may own; the order is the order in which hooks are chained."""

    ENCODER_INPUT = "encoder_input"
    ENCODER = "encoder"
    POSTERIOR = "posterior"
    PRIOR = "prior"
    DECODER = "decoder"
    DECODER_INPUT = "decoder_input"
    INFERENCE = "inference"
    KL = "kl"
    KL_WEIGHT = "kl_weight"
    TERM = "term"
    STEP = "step"
    PHASES = "phases"
    GAUSSIAN = "gaussian"

    @property
    def exclusive(self) -> bool:
        """False for added terms, of which there may be any number, and for what works on Gaussian posteriors only.

        Of the latter there may be any number too; a remedy whose q(z|x) is no diagonal Gaussian owns that slot alone.
        """
        return self not in (Slot.TERM, Slot.GAUSSIAN)


@dataclass(frozen=True)
class Paper:
    """Where a remedy comes from.

    Attributes:
        authors: As cited, such as ``Zhu et al.``.
        year: Of publication.
        title: Of the paper.
        arxiv: Its identifier, or empty.
        equation: Which part of the paper it is, where that needs saying.
    """

    authors: str
    year: int
    title: str
    arxiv: str = ""
    equation: str = ""

    @property
    def citation(self) -> str:
        """``Shao et al. (2020), ControlVAE ..., arXiv:2004.05967, the PI algorithm``."""
        parts = [f"{self.authors} ({self.year}), {self.title}"]
        if self.arxiv:
            parts.append(f"arXiv:{self.arxiv}")
        if self.equation:
            parts.append(self.equation)
        return ", ".join(parts)


class Session(Protocol):
    """What a remedy that changes the update may touch; `vaecli.training.session` implements it."""

    model: VAE
    clock: Clock

    def loss(self, batch: Batch) -> Terms:
        """The composed objective of a batch in training mode, at the session's clock."""

    def update(self, loss: torch.Tensor, groups: Iterable[str] = ("encoder", "decoder")) -> None:
        """Backward, clip over all parameters together, and a step of the optimisers of these groups only.

        ``encoder`` is encoder, head and their auxiliary modules; ``decoder`` is decoder and prior.
        """

    def own_optimizer(self, name: str, optimizer: torch.optim.Optimizer) -> None:
        """Registers an optimiser of a remedy's own modules, so that checkpoints carry its state."""

    @property
    def adam_rate(self) -> float | None:
        """The learning rate of the next update, decays included; None where the optimiser isn't Adam."""

    def random_batch(self) -> Batch:
        """A training batch drawn uniformly from the session's own stream."""

    def validation_mutual_information(self) -> float:
        """I_q(x; z) on the validation split, in nats."""


Step = Callable[[Batch], Terms]
"""One update on a batch; gives the terms it was made with."""


@dataclass(frozen=True)
class Phase:
    """A stage of training.

    Attributes:
        name: In logs and history.
        share: Of the planned epochs; the shares of a remedy's phases sum to 1.
        objective: Applied to the terms after all remedies, in this phase.
        start: Called with the model and the seed when the phase begins, before its optimiser is made.
        figure: The validation column that decays the learning rate by its stalls and marks the best weights.
    """

    name: str = "train"
    share: float = 1.0
    objective: Callable[[Terms], Terms] | None = None
    start: Callable[[VAE, int], None] | None = None
    figure: Literal["neg_elbo", "rec"] = "neg_elbo"


class Remedy(Checked):
    """A remedy; hyper-parameters are fields with a range and a one-line description, of their type by `Checked`.

    Attributes:
        name: File name, registry key, CLI name, folder name and CSV value.
        title: A few words for tables.
        paper: Where it comes from.
        equation: What it changes, as the paper writes it, in plain text.
        version: Raised when its numbers would move.
        slots: What it owns.
        alone_in: Slots that others share but that it owns alone.
        rate_only: Whether `objective` reads the KL, the clock and the remedy's own state, and nothing else of a batch.
        cost: Time of an update relative to vanilla, about.
        deviations: Where it differs from its paper or its authors' code, and why; a clause each.
        undefined: Columns that have no meaning for it, with the reason.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[Paper]
    equation: ClassVar[str]
    version: ClassVar[int] = 1
    slots: ClassVar[frozenset[Slot]] = frozenset()
    alone_in: ClassVar[frozenset[Slot]] = frozenset()
    rate_only: ClassVar[bool] = False
    cost: ClassVar[float] = 1.0
    deviations: ClassVar[tuple[str, ...]] = ()
    undefined: ClassVar[Mapping[str, str]] = {}

    def build(self, parts: Parts) -> Parts:
        """The parts with some replaced."""
        return parts

    @property
    def refines(self) -> bool:
        """Whether `infer` changes the posterior."""
        return type(self).infer is not Remedy.infer

    def infer(self, posterior: Posterior, bound: Bound) -> Posterior:
        """The posterior refined after the encoder; `bound` gives the per-sentence -ELBO of a posterior."""
        return posterior

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """The terms of a batch as this remedy trains on them."""
        return terms

    def wrap_step(self, step: Step, session: Session) -> Step:
        """The update as this remedy makes it."""
        return step

    def phases(self) -> tuple[Phase, ...]:
        """The stages of training."""
        return (Phase(),)

    def payoffs(self, game: Game, measures: GameMeasures) -> Game:
        """The collapse game under this remedy's objective, from that of the ELBO."""
        return game

    def hyper(self) -> dict[str, Any]:
        """Hyper-parameters by name."""
        return self.model_dump()


def put_aux(parts: Parts, name: str, module: Any) -> Mapping[str, Any]:
    """The auxiliary modules with one more, for ``replace(parts, aux=put_aux(parts, name, module))``."""
    return {**parts.aux, name: module}
