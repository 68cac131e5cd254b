"""VampPrior: the prior is a mixture of the encoder's own posteriors at a few learned inputs.

Equation:
    ``p(z) = 1/K sum_k q(z | u_k)``. The best prior for a given encoder is the aggregate posterior, the mean of q(z|x)
    over the train split; K pseudo-inputs u_k stand in for its sentences. Encoder and pseudo-inputs move together: the
    gradient of log p(z) reaches both.

Differs from the paper:
    A sentence is discrete and has no gradient, so a pseudo-input here is a sequence of word vectors of one fixed
    length, which the encoder reads instead of the embeddings of words; all of it is learned, the place of ``<s>``
    included.

Caveat:
    A pseudo-input is read without dropout or corruption, not refined, and normalised with the batch's statistics
    without counting in them. The KL is estimated at the sample of z, since it has no closed form, so it isn't split by
    dimension. Inner steps of `lagging` and `semi_amortized` hold the prior still, encoder included. It doesn't forbid
    collapse: where all q(z|x) are one, so is the prior, at a KL of 0.

References:
    Tomczak & Welling (2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from vaecli.corpus.types import Batch
from vaecli.model.encoder import Encoder, Encoding
from vaecli.model.normalisation import BatchNorm
from vaecli.model.posterior import Posterior, PosteriorHead, Preimage
from vaecli.model.prior import Prior
from vaecli.model.vae import Parts
from vaecli.remedies.core.parts import unmet
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span


def mixture_log_prob(components: Posterior, z: Tensor) -> Tensor:
    """(M,) log of the mean density of K components with equal weights, at (M, Z) codes."""
    pairwise = components.pairwise_log_prob(z)
    return pairwise.logsumexp(1) - math.log(pairwise.shape[1])


def table_name(encoder: nn.Module) -> str:
    """The name of the encoder's one table of word embeddings.

    Raises:
        UsageError: It has none, or several.
    """
    names = [name for name, module in encoder.named_modules() if isinstance(module, nn.Embedding)]
    if len(names) != 1:
        raise unmet(Vamp.name, "an encoder with one table of word embeddings", str(len(names)))
    return f"{names[0]}.weight"


def read_vectors(encoder: Encoder, vectors: Tensor, length: int) -> Encoding:
    """The encoding of sequences of word vectors: the encoder reads them as words of a vocabulary of their own.

    Args:
        encoder: With one table of word embeddings.
        vectors: (1 + K * length, E), row 0 of no influence: it is the padding.
        length: Of each sequence; K is the number of them.
    """
    count = (len(vectors) - 1) // length
    tokens = torch.arange(1, 1 + count * length, device=vectors.device).view(count, length)
    batch = Batch(
        tokens=tokens,
        lengths=torch.full((count,), length - 1, device=vectors.device),
        index=torch.arange(count),
        rows=torch.arange(count * (length - 1), device=vectors.device),
    )
    encoding: Encoding = functional_call(encoder, {table_name(encoder): vectors}, (batch,))
    return encoding


@contextmanager
def still(head: nn.Module) -> Iterator[None]:
    """Inside, the head has no dropout and normalises with the statistics it has; all comes back after."""
    leaves = [(m, m.training) for m in head.modules() if not isinstance(m, BatchNorm) and not list(m.children())]
    norms = [m for m in head.modules() if isinstance(m, BatchNorm)]
    try:
        for leaf, _ in leaves:
            leaf.training = False
        for norm in norms:
            norm.held = True
        yield
    finally:
        for leaf, mode in leaves:
            leaf.training = mode
        for norm in norms:
            norm.held = False


class PseudoInputPrior(Prior):
    """``1/K sum_k q(z | u_k)`` with learned pseudo-inputs.

    The encoder and the head belong to the model and are no parameters of this module; a deep copy of it alone takes
    copies of them along. Where the pseudo-inputs need no gradient, neither does the mixture.

    Args:
        latent_size: Z.
        encoder: Of the model.
        head: Of the model.
        components: K.
        length: Vectors of a pseudo-input.
    """

    def __init__(self, latent_size: int, encoder: Encoder, head: PosteriorHead, components: int, length: int) -> None:
        super().__init__(latent_size)
        width = encoder.get_parameter(table_name(encoder)).shape[1]
        # a table of embeddings, so that the model's rule for words initialises it too
        self.inputs = nn.Embedding(1 + components * length, width, padding_idx=0)
        self.count, self.length = components, length
        self.reader = (encoder, head)  # in a tuple, which nn.Module doesn't register

    def components(self, dtype: torch.dtype) -> Posterior:
        """The K posteriors, with numbers of this dtype or wider."""
        encoder, head = self.reader
        vectors = self.inputs.weight
        learned = vectors.requires_grad
        table = encoder.get_parameter(table_name(encoder))
        with still(head), nullcontext() if learned else torch.no_grad():
            posterior: Posterior = head(read_vectors(encoder, vectors.to(table.dtype), self.length))
        return posterior.map(lambda t: t.to(torch.promote_types(torch.promote_types(t.dtype, dtype), torch.float32)))

    @property
    def noise_size(self) -> int:
        """One number for the component, Z for the code within it."""
        return self.latent_size + 1

    def sample(self, noise: Tensor) -> Tensor:
        """See `Prior.sample`."""
        flat = noise.reshape(-1, self.noise_size)
        component = (torch.special.ndtr(flat[:, 0].double()) * self.count).long().clamp(max=self.count - 1)
        chosen = self.components(noise.dtype).map(lambda t: t[component.to(t.device)])
        return chosen.sample(flat[:, 1:].unsqueeze(0)).view(*noise.shape[:-1], self.latent_size)

    def log_prob(self, z: Tensor) -> Tensor:
        """See `Prior.log_prob`."""
        return self._at(self.components(z.dtype), z)

    def log_prob_from(self, z: Tensor, start: Callable[[], Preimage | None]) -> Tensor:
        """See `Prior.log_prob_from`: the components are bent by the flow that has drawn z, so no inverse is taken.

        Where the prior is held still and z isn't, the density at z has a gradient by z alone, which takes the inverse.
        """
        held = not self.inputs.weight.requires_grad and z.requires_grad
        known = None if held else start()
        if known is None:
            return self.log_prob(z)
        at_start = self._at(self.components(known.z.dtype).start, known.z)
        return at_start - known.log_determinant.to(at_start.dtype)

    def _at(self, components: Posterior, z: Tensor) -> Tensor:
        """(...) log density of the mixture of some components at (..., Z)."""
        flat = z.reshape(-1, self.latent_size).to(components.mean.dtype)
        with torch.autocast(z.device.type, enabled=False):  # differences of large squares need all their digits
            return mixture_log_prob(components, flat).view(z.shape[:-1])


class Vamp(Remedy):
    """VampPrior."""

    name: ClassVar[str] = "vamp"
    title: ClassVar[str] = "VampPrior"
    paper: ClassVar[Paper] = Paper("Tomczak & Welling", 2018, "VAE with a VampPrior", "1705.07120")
    equation: ClassVar[str] = "p(z) = 1/K sum_k q(z | u_k), the pseudo-inputs u_k learned"
    no_recipe: ClassVar[str] = "Tomczak & Welling train on images"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.PRIOR})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY})
    deviations: ClassVar[tuple[str, ...]] = (
        "a pseudo-input is a sequence of word vectors, not of words, which have no gradient (published: an image)",
    )
    cost: ClassVar[float] = 1.2
    sensible: ClassVar[Mapping[str, Sensible]] = {"components": Span(10, 200, log=True)}

    components: int = Field(50, ge=1, le=1000, description="K: pseudo-inputs; chosen here, for small corpora")
    length: int = Field(10, ge=2, le=100, description="word vectors of a pseudo-input; chosen here")

    def build(self, parts: Parts) -> Parts:
        """The mixture of posteriors as prior."""
        assert parts.encoder is not None
        assert parts.head is not None
        size = parts.shape.model.latent_size
        return replace(parts, prior=PseudoInputPrior(size, parts.encoder, parts.head, self.components, self.length))
