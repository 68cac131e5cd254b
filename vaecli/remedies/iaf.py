"""A posterior of any shape: a diagonal Gaussian bent by inverse autoregressive flow.

Equation:
    ``z_t = m_t + exp(s_t) z_{t-1}`` with m_t and s_t autoregressive in z_{t-1}, and ``log q(z|x) = log q_0(z_0|x) -
    sum_t sum_i s_t,i``.

Differs from the paper:
    The steps see z alone, not the sentence: the paper's context input is left out, so that the density of a code under
    all sentences takes one inverse. |s| is bounded by 2, where their gated form has s below 0, and a fresh flow is the
    identity, so that training starts as that of the vanilla VAE.

Caveat:
    The KL has no closed form and is estimated at the sample. A better q tightens the bound; it doesn't by itself keep
    the decoder from ignoring z. The paper trains with free bits: ``free_bits+iaf``, where all Z dimensions share the
    target. The posterior mean, of which `au` is made, is an average over 128 fixed noises in evaluation, and the code
    at noise 0 in training.

References:
    Kingma et al. (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.model.encoder import Encoding
from vaecli.model.flow import Flow, FlowPosterior, antithetic_noise
from vaecli.model.posterior import PosteriorHead
from vaecli.model.vae import Parts
from vaecli.remedies.core.gaussian import diagonal_gaussian
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span

MEAN_PAIRS = 64
"""Pairs of noise that the posterior mean is averaged over."""


class FlowHead(PosteriorHead):
    """A Gaussian head followed by a flow.

    Args:
        wrapped: Gives a `DiagonalGaussian`.
        latent_size: Dimensions Z.
        steps: T.
        hidden: Hidden units of each step.
    """

    noise: Tensor

    def __init__(self, wrapped: PosteriorHead, latent_size: int, steps: int, hidden: int) -> None:
        super().__init__()
        self.wrapped, self.flow = wrapped, Flow(latent_size, steps, hidden)
        self.register_buffer("noise", antithetic_noise(MEAN_PAIRS, latent_size), persistent=False)

    def forward(self, encoding: Encoding) -> FlowPosterior:
        """q(z|x) of the batch, in float32 or wider.

        Raises:
            UsageError: The wrapped head gives no diagonal Gaussian.
        """
        q = diagonal_gaussian(self.wrapped(encoding), IAF.name)
        base = q.map(lambda t: t.to(torch.promote_types(t.dtype, torch.float32)))
        noise = torch.zeros_like(self.noise[:1]) if self.training else self.noise
        codes, _ = self.flow(base.sample(noise))
        return FlowPosterior(codes.mean(0), base.mean, base.logvar, self.flow)


class IAF(Remedy):
    """Inverse autoregressive flow."""

    name: ClassVar[str] = "iaf"
    title: ClassVar[str] = "IAF posterior"
    paper: ClassVar[Paper] = Paper(
        "Kingma et al.",
        2016,
        "Improving Variational Inference with Inverse Autoregressive Flow",
        "1606.04934",
    )
    equation: ClassVar[str] = "z_t = m_t(z_{t-1}) + exp(s_t(z_{t-1})) z_{t-1}, m and s autoregressive"
    no_recipe: ClassVar[str] = "Kingma et al. train on images"
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN})
    deviations: ClassVar[tuple[str, ...]] = (
        "the steps see z alone (published: the sentence too), so that a code's density under all sentences takes "
        "one inverse",
        "|s| is at most 2 (published: a gate, s below 0), and a step's network has one hidden layer (published: two)",
    )
    cost: ClassVar[float] = 1.2
    sensible: ClassVar[Mapping[str, Sensible]] = {"flows": Span(1, 8)}

    flows: int = Field(2, ge=1, le=16, description="T: steps of the flow (published: 2 to 8)")
    hidden: int = Field(
        320, ge=1, le=4096, description="hidden units of each step's network (published: 320 or 1920, in two layers)"
    )

    def build(self, parts: Parts) -> Parts:
        """The head wrapped."""
        assert parts.head is not None
        head = FlowHead(parts.head, parts.shape.model.latent_size, self.flows, self.hidden)
        return replace(parts, head=head)
