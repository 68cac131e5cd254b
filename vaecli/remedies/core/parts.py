"""What a remedy changes, what it needs of the others, and which two compose by that."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError

if TYPE_CHECKING:
    from vaecli.remedies.core.remedy import Remedy


class Part(StrEnum):
    """What a remedy may change; the order is the order in which hooks are chained."""

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

    @property
    def exclusive(self) -> bool:
        """Whether one remedy at most may change it; False for added terms, of which there may be any number."""
        return self is not Part.TERM


class Need(StrEnum):
    """What a remedy may need that another can take away, in the words of the messages."""

    LATENT = "a latent variable"
    LATENT_SIZE = "codes of model.latent_size dimensions"
    ENCODER = "an encoder"
    DENSITY = "a posterior with a density"
    MOVABLE_DENSITY = "a density that training can move"
    GAUSSIAN = "a diagonal Gaussian posterior"
    MOVABLE_KL = "a KL that training can move"
    MOVABLE_SPREAD = "posterior means that training can move apart"
    LAST_STATE = "the encoder's last state as its features"
    STANDARD_PRIOR = "a standard normal prior"
    ENCODER_POSTERIOR = "the posterior as the encoder gives it"
    PLAIN_KL = "the KL itself in the objective"
    PLAIN_STEP = "every update to be a plain one"


IMPLIED: dict[Part, Need] = {
    Part.ENCODER_INPUT: Need.ENCODER,
    Part.PRIOR: Need.MOVABLE_KL,  # nothing else of the objective knows of p(z)
    Part.INFERENCE: Need.LATENT,
    Part.KL: Need.MOVABLE_KL,
    Part.KL_WEIGHT: Need.LATENT,
}
"""What a remedy needs because of what it changes."""

TAKEN_BY: dict[Need, Part] = {
    Need.LAST_STATE: Part.ENCODER,
    Need.STANDARD_PRIOR: Part.PRIOR,
    Need.ENCODER_POSTERIOR: Part.INFERENCE,
    Need.PLAIN_KL: Part.KL,
    Need.PLAIN_STEP: Part.STEP,
}
"""The needs that whoever changes a part takes away, unless it only adds to it; the others are taken by name."""

RANK = {part: index for index, part in enumerate(Part)}


def all_needs(kind: type[Remedy]) -> frozenset[Need]:
    """What a remedy needs: what it says, and what follows from the parts it changes, but for what it takes itself."""
    return kind.needs | ({IMPLIED[part] for part in kind.owns if part in IMPLIED} - kind.takes)


def all_taken(kind: type[Remedy]) -> frozenset[Need]:
    """The needs that can't be met beside a remedy: what it says, and what follows from the parts it changes."""
    return kind.takes | {need for need, part in TAKEN_BY.items() if part in kind.owns - kind.adds_to}


def chain_key(kind: type[Remedy]) -> tuple[int, bool, str]:
    """Where a remedy stands in the chain: at the first part that it changes, or needs as it is.

    Of several there, one that only adds to that part comes last, so that it sees what the others make of it.
    """
    parts = kind.owns | {TAKEN_BY[need] for need in kind.needs if need in TAKEN_BY}
    if not parts:
        return 0, False, kind.name
    first = min(parts, key=RANK.__getitem__)
    return RANK[first], first in kind.adds_to, kind.name


def shared_parts(one: type[Remedy], other: type[Remedy]) -> list[Part]:
    """The parts that keep two remedies apart: both change them, and neither only adds to what the other makes."""
    both = (one.owns & other.owns) - one.adds_to - other.adds_to
    return [part for part in Part if part in both and part.exclusive]


def unmet_needs(one: type[Remedy], other: type[Remedy]) -> list[Need]:
    """What the first needs and the second takes away."""
    return [need for need in Need if need in all_needs(one) & all_taken(other)]


def refusal(one: type[Remedy], other: type[Remedy]) -> str | None:
    """Why two remedies can't be composed, the same in either order; None where they can."""
    first, second = sorted([one, other], key=lambda kind: kind.name)
    head = f"{first.name!r} and {second.name!r} can't be composed"
    if parts := shared_parts(first, second):
        return f"{head}: both change {parts[0].value!r}"
    for needy, taker in ((first, second), (second, first)):
        if needs := unmet_needs(needy, taker):
            return f"{head}: {needy.name!r} needs {needs[0].value}, which {taker.name!r} takes away"
    return None


def unmet(name: str, need: str, got: str) -> UsageError:
    """The error of a remedy whose need a part of another package doesn't meet, seen when the model is built or run."""
    return UsageError(f"{name!r} needs {need}, got {got}; leave it out")
