"""Composition of remedies with ``+``: hooks chained in the order of the parts they change, clashes refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise, permutations
from typing import Any, TypeVar

from torch import Tensor, nn

from vaecli.core.errors import UsageError
from vaecli.core.nested import writable
from vaecli.corpus.types import Batch
from vaecli.model.posterior import Posterior
from vaecli.model.vae import VAE, Bound, Parts, Shape, initialise, vanilla_parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.parts import Need, Part, all_taken, chain_key, refusal
from vaecli.remedies.core.remedy import Phase, Remedy, Session, Step

Value = TypeVar("Value")


@dataclass(frozen=True)
class Method:
    """One remedy or several composed; what the training loop sees.

    Attributes:
        name: The remedies' names in alphabetical order, joined with ``+``.
        remedies: In the order in which their hooks are chained.
    """

    name: str
    remedies: tuple[Remedy, ...]

    @property
    def versions(self) -> dict[str, int]:
        """The version of each remedy."""
        return {r.name: r.version for r in self.remedies}

    @property
    def hyper(self) -> dict[str, dict[str, Any]]:
        """Every hyper-parameter by remedy and key, ``none`` for what is unset, as a file of settings has them."""
        return {r.name: writable(r.hyper()) for r in sorted(self.remedies, key=lambda r: r.name) if r.hyper()}

    @property
    def changed(self) -> dict[str, dict[str, Any]]:
        """Those of `hyper` that are not the remedy's defaults."""
        tables = {}
        for remedy in self.remedies:
            defaults = writable(type(remedy)().hyper())
            tables[remedy.name] = {k: v for k, v in self.hyper.get(remedy.name, {}).items() if v != defaults[k]}
        return {name: values for name, values in sorted(tables.items()) if values}

    @property
    def cost(self) -> float:
        """Time of an update relative to vanilla, about."""
        product = 1.0
        for remedy in self.remedies:
            product *= remedy.cost
        return product

    @property
    def undefined(self) -> dict[str, str]:
        """Columns that have no meaning for this method, with the reason."""
        return {column: why for r in self.remedies for column, why in r.undefined.items()}

    def build(self, shape: Shape, seed: int) -> VAE:
        """The initialised model.

        Args:
            shape: The sizes to build for.
            seed: The run's seed; modules that two methods share start equal.

        Raises:
            UsageError: A remedy changes a decoder whose weights are given, gives something else than parts, or takes
                away what another keeps among them; names the remedy.
        """
        parts: Parts = vanilla_parts(shape)
        fixed = parts.decoder if getattr(parts.decoder, "fixed_weights", False) else None
        for remedy in self.remedies:
            before, parts = parts, of_kind(remedy, "build", remedy.build(parts), Parts)
            if problem := aux_problem(before, parts):
                raise UsageError(f"{remedy.name!r}: `build` {problem}")
            if fixed is not None and parts.decoder is not fixed:
                raise UsageError(
                    f"{remedy.name!r} changes the decoder, which model.decoder={shape.model.decoder} fixes"
                )
        model = VAE(parts, self._infer if any(r.refines for r in self.remedies) else None)
        initialise(model, shape.model, seed)
        return model

    def _infer(self, posterior: Posterior, bound: Bound) -> Posterior:
        for remedy in self.remedies:
            posterior = of_kind(remedy, "infer", remedy.infer(posterior, bound), Posterior)  # type: ignore[type-abstract]
        return posterior

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """The terms as trained on.

        Raises:
            UsageError: A remedy gives something else than terms, or one of another shape, which the loss would take
                for the sum of a batch; names the remedy.
        """
        size = len(terms.nll)
        for remedy in self.remedies:
            terms = _terms_of(remedy, "objective", remedy.objective(terms, clock), size)
        return terms

    def staged(self, terms: Terms, phase: Phase) -> Terms:
        """The terms as a stage of training trains on them.

        Raises:
            UsageError: As of `objective`.
        """
        if phase.objective is None:
            return terms
        owner = next((remedy for remedy in self.remedies if Part.PHASES in remedy.owns), self.remedies[0])
        return _terms_of(owner, "Phase.objective", phase.objective(terms), len(terms.nll))

    def wrap_step(self, step: Step, session: Session) -> Step:
        """The update as made.

        Raises:
            UsageError: A remedy gives none, or one that gives no terms; names the remedy.
        """
        for remedy in self.remedies:
            own = remedy.wrap_step(step, session)
            if not callable(own):
                raise UsageError(f"{remedy.name!r}: `wrap_step` gives {type(own).__name__} and has to return a step")
            step = step if own is step else partial(_checked_step, remedy, own)
        return step

    def idle(self, epochs: int) -> dict[str, Mapping[str, str]]:
        """Of each remedy, by name, the hyper-parameters that change nothing beside the others, see `Remedy.idle`.

        Raises:
            UsageError: A remedy gives something else; names it.
        """
        kind: type[Mapping[str, str]] = Mapping  # type: ignore[type-abstract]
        return {remedy.name: of_kind(remedy, "idle", remedy.idle(epochs), kind) for remedy in self.remedies}

    def notes(self) -> Iterator[str]:
        """What of a remedy's law doesn't hold beside the others, or has no effect, a sentence each.

        Raises:
            UsageError: A remedy gives something else; names it.
        """
        for one, other in permutations(self.remedies, 2):
            fixed = Need.MOVABLE_KL in all_taken(type(other)) and Part.KL not in other.owns
            if Part.KL_WEIGHT in one.owns and fixed:
                yield f"{one.name!r} changes nothing that is learned: training can't move the KL of {other.name!r}"
            if told := of_kind(one, "beside", one.beside(other), str):
                yield told

    def phases(self) -> tuple[Phase, ...]:
        """The stages of training, from the one remedy that owns them.

        Raises:
            UsageError: A remedy gives something else, or has stages that it doesn't own; names the remedy.
        """
        stages: tuple[Phase, ...] = (Phase(),)
        for remedy in self.remedies:
            own = remedy.phases()
            if problem := stages_problem(own):
                raise UsageError(f"{remedy.name!r}: {problem}")
            if Part.PHASES in remedy.owns:
                stages = own
            elif own != (Phase(),):
                raise UsageError(f"{remedy.name!r}: `phases` gives stages, which `owns` has to have: add Part.PHASES")
        return stages


def _checked_step(remedy: Remedy, step: Step, batch: Batch) -> Terms:
    """An update, if it gives the terms that it was made with.

    Raises:
        UsageError: It gives something else, as None where a `return` is missing; names the remedy.
    """
    return of_kind(remedy, "wrap_step(...)(batch)", step(batch), Terms)


def _terms_of(remedy: Remedy, hook: str, value: Any, size: int) -> Terms:
    """What a hook gave, if it is terms of a batch.

    Raises:
        UsageError: It is something else, or of another shape; names the remedy and the hook.
    """
    terms = of_kind(remedy, hook, value, Terms)
    if problem := shape_problem(terms, size):
        raise UsageError(f"{remedy.name!r}: `{hook}` gives {problem}")
    return terms


def of_kind(remedy: Remedy, hook: str, value: Any, kind: type[Value]) -> Value:
    """What a hook gave, if it is what it has to be.

    Raises:
        UsageError: It is something else, as None where a `return` is missing; names the remedy and the hook.
    """
    if not isinstance(value, kind):
        raise UsageError(f"{remedy.name!r}: `{hook}` gives {type(value).__name__} and has to return {kind.__name__}")
    return value


def aux_problem(before: Parts, after: Parts) -> str:
    """What is wrong with the remedies' own modules after a `build`, in words; an empty text where nothing is.

    Args:
        before: The parts that it was given.
        after: Those that it gave.
    """
    for name, module in after.aux.items():
        if not isinstance(module, nn.Module):
            return f"keeps {type(module).__name__} as {name!r} in `aux`, where a torch.nn.Module has to be"
    lost = [name for name, module in before.aux.items() if after.aux.get(name) is not module]
    return f"takes away {lost[0]!r} of another remedy from `aux`: add by put_aux(parts, self.name, ...)" if lost else ""


def stages_problem(phases: Any) -> str:
    """What is wrong with stages of training, in words; an empty text where nothing is.

    Args:
        phases: As a remedy gave them.
    """
    if not (isinstance(phases, tuple) and phases and all(isinstance(phase, Phase) for phase in phases)):
        return f"`phases` gives {type(phases).__name__} and has to return a tuple of Phase, one or more"
    shares = [phase.share for phase in phases]
    if all(share > 0 for share in shares) and math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        return ""
    return f"the shares of its stages are {', '.join(f'{s:g}' for s in shares)}; each is above 0, and they sum to 1"


def shape_problem(terms: Terms, size: int) -> str:
    """What is no term of some sentences, with the shape that it has to have; an empty text where all are.

    Args:
        terms: As an objective gave them.
        size: B.
    """
    wanted = {"nll": ((size,), "(B,)"), "kl": ((size, None), "(B, Z) or (B, 1)"), "extra": ((size,), "(B,)")}
    for name, (shape, words) in wanted.items():
        value = getattr(terms, name)
        if not isinstance(value, Tensor):
            return f"`{name}` as {type(value).__name__}, where a tensor {words} has to be"
        if len(value.shape) != len(shape) or value.shape[0] != size:
            return f"`{name}` of shape {tuple(value.shape)}, where {words} has to be, B being {size} sentences"
    weight = terms.kl_weight
    if not (isinstance(weight, int | float) or (isinstance(weight, Tensor) and weight.numel() == 1)):
        told = f"of shape {tuple(weight.shape)}" if isinstance(weight, Tensor) else f"as {type(weight).__name__}"
        return f"`kl_weight` {told}, where one number has to be; weights by sentence belong into `kl`"
    return ""


def refused(one: Remedy, other: Remedy) -> str | None:
    """Why two remedies can't be composed at their hyper-parameters, the same in either order; None where they can.

    Raises:
        UsageError: See `unfit`.
    """
    first, second = sorted([one, other], key=lambda remedy: remedy.name)
    why = unfit(first, second)
    return f"{first.name!r} and {second.name!r} can't be composed: {why}" if why else None


def unfit(one: Remedy, other: Remedy) -> str:
    """What keeps two remedies apart at their hyper-parameters, a clause; empty where nothing does.

    Raises:
        UsageError: A remedy's `refuses` gives something else than a text; names it.
    """
    for remedy, beside in ((one, other), (other, one)):
        if why := of_kind(remedy, "refuses", remedy.refuses(beside), str):
            return why
        if beside.owns == {Part.PRIOR} and not remedy.trains_prior:
            lost = f"p(z) isn't in the loss of {remedy.name!r} at these hyper-parameters"
            return f"{lost}, and that of {beside.name!r} would stay as it began"
    return ""


def compose(remedies: Sequence[Remedy]) -> Method:
    """Composes remedies into a method.

    Raises:
        UsageError: Two of them change one part, one takes away what another needs, trains nothing beside it, or is
            named twice; names both.
    """
    ordered = sorted(remedies, key=lambda remedy: chain_key(type(remedy)))
    names = sorted(remedy.name for remedy in ordered)
    for name, following in pairwise(names):
        if name == following:
            raise UsageError(f"method {name!r} is named twice; a remedy composes only with others")
    for remedy in ordered if len(ordered) > 1 else ():
        if not remedy.owns:
            raise UsageError(f"{remedy.name!r} changes nothing, so it does not compose; leave it out")
    for one, other in combinations(ordered, 2):
        if why := refusal(type(one), type(other)) or refused(one, other):
            raise UsageError(why)
    return Method("+".join(names), tuple(ordered))
