"""A deterministic twin beside the VAE; the decoder's initial state is pulled towards the twin's.

Equation:
    ``loss = rec + KL + l_r rec_twin + l_m D(g(z), g_twin(mean_twin))`` with the twin's own mean head and decoder on the
    shared encoder, g the map of a code to the decoder's initial state, and ``D = -sum_s C_s / (C_s + d^2)`` with
    ``C_s = 2 Z s``, s in {0.1, 0.2, 0.5, 1, 2, 5, 10}, d the distance of the two. The twin is fixed in D.

Differs from the paper:
    D compares the decoders' initial states before the tanh; of a decoder without an initial state, the code. The
    decoder is an LSTM, as in all methods (published: a GRU).

Caveat:
    The twin trains the encoder as an autoencoder does; it is dropped in evaluation, so it costs parameters and time in
    training alone. D lies between -7 (both equal) and 0; at the published l_m = 0.1 it earns 0.7 nats at most. A first
    stage that doesn't train the decoder (``coupled+lm_pretrain``) is without D.

References:
    Wu, Wang & Wang (2020).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.model.decoder import Decoder
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.mmd import kernel


def initial_state(decoder: Decoder, z: Tensor) -> Tensor:
    """(B, H) where the decoder starts with (B, Z) codes: the state before its tanh, or the code where it has none."""
    start = getattr(decoder, "initial", None)
    state: Tensor = start(z) if isinstance(start, nn.Module) else z
    return state


def matching(state: Tensor, twin: Tensor, latent_size: int) -> Tensor:
    """(B,) ``-sum_s C_s / (C_s + ||state - twin||^2)``, in [-7, 0), without a gradient to the twin.

    Args:
        state: (B, H).
        twin: (B, H).
        latent_size: Z.
    """
    wide = state.to(torch.promote_types(state.dtype, torch.float32))
    return -kernel("imq", latent_size)((wide - twin.detach().to(wide)).square().sum(-1))


class Twin(nn.Module):
    """The deterministic twin: a mean head and a decoder of its own.

    Args:
        feature_size: Encoder features F.
        latent_size: Z.
        decoder: Like the VAE's.
    """

    def __init__(self, feature_size: int, latent_size: int, decoder: Decoder) -> None:
        super().__init__()
        self.mean = nn.Linear(feature_size, latent_size, bias=False)
        self.decoder = decoder


class Coupled(Remedy):
    """The coupled VAE."""

    name: ClassVar[str] = "coupled"
    title: ClassVar[str] = "Coupled-VAE"
    paper: ClassVar[Paper] = Paper(
        "Wu, Wang & Wang",
        2020,
        "On the Encoder-Decoder Incompatibility in Variational Text Modeling and Beyond",
        "2004.09189",
    )
    equation: ClassVar[str] = "loss = rec + KL + l_r rec_twin + l_m D(g(z), g_twin), D = -sum_s C_s / (C_s + d^2)"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Wu et al. 2020, its code on the Penn Treebank",
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=32,
        hyper={"coupled": {"reconstruction": 1.0, "match": 0.1}},
        left_out=("the KL weight rises over updates 2,000 to 42,000 of 60,000, and the networks are GRUs",),
    )
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.ENCODER})
    deviations: ClassVar[tuple[str, ...]] = (
        "an LSTM with z in every input, as in all methods (published: a GRU)",
        "D is of the initial states before the tanh; a decoder without one is compared by its code",
    )
    cost: ClassVar[float] = 1.6
    sensible: ClassVar[Mapping[str, Sensible]] = {
        "reconstruction": Span(0.1, 10.0, log=True),
        "match": Span(0.01, 10.0, log=True),
    }

    reconstruction: float = Field(1.0, ge=0, description="l_r: factor on the twin's reconstruction, as published")
    match: float = Field(0.1, ge=0, description="l_m: factor on the distance to the twin, as published")

    def build(self, parts: Parts) -> Parts:
        """The twin beside the model; its decoder is like the model's and starts from weights of its own."""
        assert parts.encoder is not None
        twin = Twin(parts.encoder.feature_size, parts.shape.model.latent_size, copy.deepcopy(parts.decoder))
        return replace(parts, aux=put_aux(parts, self.name, twin))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the twin's reconstruction and the distance to it."""
        context = terms.context
        twin, model = context.aux[self.name], context.model
        assert isinstance(twin, Twin)
        assert model is not None
        assert context.encoding is not None
        code = twin.mean(context.encoding.features)
        nll = twin.decoder.token_nll(code, model.input_noise(context.batch.inputs), context.batch).sum(1)
        if "nll" in clock.without:
            return terms.add(self.reconstruction * nll)
        distance = matching(initial_state(model.decoder, terms.z), initial_state(twin.decoder, code), model.latent_size)
        return terms.add(self.reconstruction * nll + self.match * distance)
