"""A critic that has to tell which code belongs to which sentence of the batch; what it gains is added to the bound.

Equation:
    ``loss = rec + KL - lambda mean_b [s(x_b, z_b) - log sum_j exp s(x_j, z_b)]``. The self critic is the encoder: ``s =
    log q(z|x)``, so the bracket is the mutual information within the batch less log B. The neural critic is a cosine of
    two networks of one layer, one of the encoder's features and one of z, over a temperature, and its loss is the mean
    over both directions. The hybrid critic adds the two scores.

Differs from the paper:
    lambda is 1, where a published rerun has 40: a nat of information within the batch then earns back the nat of KL
    that it costs, and no more. The hybrid critic is the sum of the two scores; how the paper joins them was not
    confirmed.

Caveat:
    The bracket is at most 0, so information beyond log B within a batch of B earns nothing: lambda log B is all that
    the term can fall by. Codes of a codebook are certain, and their log q(z|x) has no gradient: the self critic is
    refused beside `vq`, where the networks of the neural one learn.

References:
    Menon, Blei & Vondrick (2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from vaecli.model.posterior import Posterior
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.parts import all_taken
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.aggregate import pairwise_densities


def self_scores(posterior: Posterior, z: Tensor) -> Tensor:
    """(B, B) ``log q(z_b | x_j)``, codes in rows, in float64: densities of narrow posteriors are large."""
    return pairwise_densities(posterior, z)


def choice_loss(scores: Tensor) -> Tensor:
    """(B,) ``-log softmax`` of each row's own column: 0 where the critic is sure, log B where it can't tell."""
    return scores.logsumexp(1) - scores.diagonal()


class TwoTowers(nn.Module):
    """The neural critic: the cosine of a sentence's and a code's image, over a temperature.

    Args:
        feature_size: Encoder features F.
        latent_size: Z.
        hidden: Units of each network and dimensions of its image.
        temperature: What cosines are divided by.
    """

    def __init__(self, feature_size: int, latent_size: int, hidden: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.sentence, self.code = (
            nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, hidden))
            for size in (feature_size, latent_size)
        )

    def forward(self, features: Tensor, z: Tensor) -> Tensor:
        """(B, B) scores of (B, F) features, in columns, and (B, Z) codes, in rows."""
        sentences, codes = (nn.functional.normalize(image, dim=-1) for image in (self.sentence(features), self.code(z)))
        return codes @ sentences.T / self.temperature


class ContrastiveCritic(Remedy):
    """The VAE with an inference critic."""

    name: ClassVar[str] = "critic"
    title: ClassVar[str] = "contrastive critic"
    paper: ClassVar[Paper] = Paper(
        "Menon, Blei & Vondrick",
        2022,
        "Forget-me-not! Contrastive Critics for Mitigating Posterior Collapse",
        "2207.09535",
    )
    equation: ClassVar[str] = "loss = rec + KL - lambda mean_b [s(x_b, z_b) - log sum_j exp s(x_j, z_b)]"
    no_recipe: ClassVar[str] = "the rerun it comes from prints no training that was obtained"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.ENCODER, Need.DENSITY})
    deviations: ClassVar[tuple[str, ...]] = (
        "lambda is 1, a nat a nat (a published rerun: 40)",
        "the hybrid critic is the sum of the two scores; how the paper joins them was not confirmed",
        "the temperature of the neural critic, 0.1, is ours: a plain cosine tells at most 2 nats apart",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {
        "form": ("self", "neural", "hybrid"),
        "weight": Span(0.3, 40.0, log=True),
    }

    form: Literal["self", "neural", "hybrid"] = Field(
        "self", description="the critic: q(z|x) itself, two networks, or the sum of both scores"
    )
    weight: float = Field(1.0, ge=0, description="lambda: factor on the critic's loss (a rerun: 40)")
    hidden: int = Field(128, ge=1, description="units of the neural critic's networks")
    temperature: float = Field(0.1, gt=0, description="of the neural critic's cosine")

    def idle(self, epochs: int) -> Mapping[str, str]:
        """See `Remedy.idle`."""
        return dict.fromkeys(("hidden", "temperature"), "form=self has no networks") if self.form == "self" else {}

    def refuses(self, other: Remedy) -> str:
        """See `Remedy.refuses`."""
        if self.form != "self" or Need.MOVABLE_DENSITY not in all_taken(type(other)):
            return ""
        told = f"critic.form=self trains by log q(z|x) alone, and that of {other.name!r} has no gradient"
        return f"{told}; set critic.form=neural"

    def build(self, parts: Parts) -> Parts:
        """The networks, where the critic has some."""
        if self.form == "self":
            return parts
        assert parts.encoder is not None
        towers = TwoTowers(parts.encoder.feature_size, parts.shape.model.latent_size, self.hidden, self.temperature)
        return replace(parts, aux=put_aux(parts, self.name, towers))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the critic's loss."""
        return terms.add(self.weight * self.loss(terms).to(terms.extra.dtype))

    def loss(self, terms: Terms) -> Tensor:
        """(B,) the critic's loss in nats; of the neural critic the mean of choosing sentences and choosing codes."""
        context = terms.context
        assert context.posterior is not None
        if self.form == "self":
            return choice_loss(self_scores(context.posterior, terms.z))
        assert context.encoding is not None
        scores: Tensor = context.aux[self.name](context.encoding.features, terms.z).double()
        neural = (choice_loss(scores) + choice_loss(scores.T)) / 2
        if self.form == "neural":
            return neural
        return choice_loss(scores + self_scores(context.posterior, terms.z))
