"""What a remedy is: a frozen set of validated hyper-parameters that overrides only the hooks its paper changes.

The default of every hook is vanilla. Hooks map values to values, so remedies that change different parts compose by
chaining.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from vaecli.core.checked import Checked
from vaecli.core.errors import UsageError
from vaecli.corpus.types import Batch
from vaecli.model.parameter_groups import PARAMETER_GROUPS, ParameterGroup
from vaecli.model.posterior import Posterior
from vaecli.model.vae import VAE, Bound, Parts
from vaecli.objective import BoundTerm, Clock, Terms
from vaecli.remedies.core.game import Game, GameMeasures
from vaecli.remedies.core.parts import Need as Need
from vaecli.remedies.core.parts import Part as Part
from vaecli.remedies.core.recipe import Recipe as Recipe
from vaecli.remedies.core.sensible import Sensible

if TYPE_CHECKING:
    import torch


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

    def update(self, loss: torch.Tensor, groups: Iterable[ParameterGroup] = PARAMETER_GROUPS) -> None:
        """Backward, clip over all parameters together, and a step of the optimisers of these groups only.

        The groups are those of `vaecli.model.parameter_groups`.
        """

    def pause(self) -> None:
        """To be called between two updates of an inner loop, with its counters in buffers of the model.

        The run may be saved there, and stopped: it then goes on with the same batch, a new call of the step, and those
        buffers. An inner loop of minutes that never pauses can't be interrupted.
        """

    def own_optimizer(self, name: str, optimizer: torch.optim.Optimizer) -> None:
        """Registers an optimiser of a remedy's own modules, so that checkpoints carry its state.

        To be called in `wrap_step`, by the remedy's name: a run that goes on looks for it before its first update.
        """

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
        start: Called with the model and the seed when the phase begins, before its optimiser is made; not when a run
            goes on inside of it, for then weights, buffers and ``requires_grad`` are as they were, and nothing else is.
        figure: The column that decays the learning rate by its stalls and marks the best weights: of the validation, or
            the mean training loss, at KL weight 1 where it holds the KL, of a stage in which the model doesn't do what
            validation measures.
        without: The terms of the bound that `objective` leaves out, for remedies with a bound, or a part of one, of
            their own, and for those that train what the bound is about: the clock of the phase has them.
    """

    name: str = "train"
    share: float = 1.0
    objective: Callable[[Terms], Terms] | None = None
    start: Callable[[VAE, int], None] | None = None
    figure: Literal["neg_elbo", "rec", "train_loss"] = "neg_elbo"
    without: frozenset[BoundTerm] = frozenset()


class Remedy(Checked):
    """A remedy; hyper-parameters are fields with a range and a one-line description, of their type by `Checked`.

    Attributes:
        name: File name, registry key, CLI name, folder name and CSV value.
        title: A few words for tables.
        paper: Where it comes from.
        equation: What it changes, as the paper writes it, in plain text.
        version: Raised when its numbers would move.
        owns: What it changes, no more and no less; a contract test shows it.
        adds_to: Of these, what it changes on top of whatever another gives, so that it composes with another owner.
        needs: What it requires of what the others give.
        takes: The needs of others that it doesn't meet, beside those that follow from what it owns.
        rate_only: Whether `objective` reads the KL, the clock and the remedy's own state, and nothing else of a batch.
        cost: Time of an update relative to vanilla, about.
        deviations: Where it differs from its paper or its authors' code, and why; a clause each.
        undefined: Columns that have no meaning for it, with the reason.
        sensible: The values of its hyper-parameters that are worth trying, by name, as its paper and those after it use
            them; narrower than what is defined, which the fields' ranges say. `vae tune` searches these.
        recipe: How its paper trains it, which ``--protocol published`` runs it with; None where that isn't known.
        no_recipe: Why there is none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[Paper]
    equation: ClassVar[str]
    version: ClassVar[int] = 1
    owns: ClassVar[frozenset[Part]] = frozenset()
    adds_to: ClassVar[frozenset[Part]] = frozenset()
    needs: ClassVar[frozenset[Need]] = frozenset()
    takes: ClassVar[frozenset[Need]] = frozenset()
    rate_only: ClassVar[bool] = False
    cost: ClassVar[float] = 1.0
    deviations: ClassVar[tuple[str, ...]] = ()
    undefined: ClassVar[Mapping[str, str]] = {}
    sensible: ClassVar[Mapping[str, Sensible]] = {}
    recipe: ClassVar[Recipe | None] = None
    no_recipe: ClassVar[str] = "its source's training was not obtained"
    largest: ClassVar[int] = 1_000_000_000

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Refuses what was written for the contract of before.

        Raises:
            UsageError: The class declares `slots` or `alone_in`.
        """
        super().__pydantic_init_subclass__(**options)
        if old := sorted({"slots", "alone_in"} & set(vars(cls))):
            raise outdated(f"{cls.__module__}.{cls.__qualname__} declares {old[0]!r}")

    def build(self, parts: Parts) -> Parts:
        """The parts with some replaced; those it is given stay as they are."""
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

    def idle(self, epochs: int) -> Mapping[str, str]:
        """The hyper-parameters that change nothing beside the others, with the reason; who says one is told so.

        Args:
            epochs: Planned, of all stages of training together.
        """
        return {}

    @property
    def trains_prior(self) -> bool:
        """Whether p(z) is in its loss at these hyper-parameters, by which alone a learned prior learns."""
        return True

    def refuses(self, other: Remedy) -> str:
        """Why it can't train beside another at these hyper-parameters, a clause; empty where it can.

        What keeps them apart at all hyper-parameters, `owns`, `needs` and `takes` say.
        """
        return ""

    def beside(self, other: Remedy) -> str:
        """What of its law doesn't hold beside another, or has no effect, in one sentence; empty where all has.

        Whoever composes the two is told.
        """
        return ""

    def hyper(self) -> dict[str, Any]:
        """Hyper-parameters by name."""
        return self.model_dump()


def put_aux(parts: Parts, name: str, module: Any) -> Mapping[str, Any]:
    """The auxiliary modules with one more, for ``replace(parts, aux=put_aux(parts, name, module))``."""
    return {**parts.aux, name: module}


def outdated(what: str) -> UsageError:
    """The error of a remedy that was written for the contract of before."""
    return UsageError(
        f"{what}; it is 'owns' now, a frozenset of Part of what the remedy changes, no more and no less, "
        "and 'needs', a frozenset of Need"
    )


def __getattr__(name: str) -> Any:
    """Says what became of a name that remedies of other packages import.

    Raises:
        UsageError: It is `Slot`.
        AttributeError: It is another.
    """
    if name == "Slot":
        raise outdated("vaecli.remedies.core.remedy.Slot is gone, and 'slots' with it")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
