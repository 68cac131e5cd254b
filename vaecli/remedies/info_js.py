"""InfoVAE with the Jensen-Shannon divergence: a critic tells codes from prior samples, the encoder deceives it.

Equation:
    ``loss = E_q[-log p(x|z)] + (1 - alpha) KL + (alpha + lambda - 1) E_q[-log s(T(z))]``, s the logistic function and T
    a critic trained on ``-E_p[log s(T(z))] - E_q[log(1 - s(T(z)))]``; the encoder's loss is the one that doesn't
    saturate. alpha = 1 is the adversarial autoencoder with a Gaussian encoder, and with `denoising` it is DAAE, whose
    critic and lambda = 10 are the defaults.

Caveat:
    The critic has an Adam of its own, at the model's learning rate as in the code of DAAE, and one update after each
    update of the model, on the codes of the same batch; neither update touches the other's weights. The term is in nats
    per sentence, log 2 where the critic can't tell, and no divergence: what the critic fails to see costs nothing. A KL
    weight acts on the KL only. So does the learning of a prior: at alpha = 1, where there is no KL, ``info_js+mog``
    and ``info_js+vamp`` are refused; set alpha below 1.

References:
    Makhzani et al. (2016); Zhao et al. (2019); Shen et al. (2020), DAAE; Goodfellow et al. (2014), the encoder's loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from vaecli.corpus.types import Batch
from vaecli.kernels.optimizers import Adam
from vaecli.model.prior import Prior
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Session, Step, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.infovae import InfoVAE, kl_factor

BETAS = (0.5, 0.999)
"""Of the critic's Adam, as in the code of Shen et al. (2020)."""

RATE = 5e-4
"""Learning rate of all of that code; the critic's here where the model is trained by SGD, whose rates aren't Adam's."""


class Critic(nn.Module):
    """T(z): one layer of ReLU units, a logit that is high for samples of the prior.

    Args:
        latent_size: Dimensions Z.
        hidden: Units.
    """

    own_optimizer = True
    """The groups of the main optimisers, and their clipping, leave it out."""

    def __init__(self, latent_size: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latent_size, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, z: Tensor) -> Tensor:
        """(...) logits of (..., Z)."""
        logits: Tensor = self.layers(z).squeeze(-1)
        return logits


def critic_loss(prior_logits: Tensor, code_logits: Tensor) -> Tensor:
    """() ``-E_p[log s(T)] - E_q[log(1 - s(T))]`` in nats: 2 log 2 at T = 0, the least there is where q(z) = p(z).

    Its least over all critics is ``2 log 2 - 2 JS(q(z), p(z))``.
    """
    return softplus(-prior_logits).mean() + softplus(code_logits).mean()


def deception_loss(code_logits: Tensor) -> Tensor:
    """(B,) ``-log s(T(z))`` in nats, what the encoder lowers."""
    return softplus(-code_logits)


def fixed_logits(critic: nn.Module, z: Tensor) -> Tensor:
    """(B,) logits with a gradient by z and none by the critic's weights."""
    weights = {name: value.detach() for name, value in critic.named_parameters()}
    logits: Tensor = torch.func.functional_call(critic, weights, (z,))
    return logits


def update_critic(critic: nn.Module, optimizer: torch.optim.Optimizer, z: Tensor, prior: Prior) -> Tensor:
    """One update of the critic on (B, Z) codes and as many fresh prior samples.

    Returns:
        () its loss before the update, without gradient.
    """
    codes = z.detach().float()
    with torch.no_grad():
        samples = prior.sample(torch.randn(len(codes), prior.noise_size, device=codes.device))
    loss = critic_loss(critic(samples), critic(codes))
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


class InfoJS(InfoVAE):
    """InfoVAE with an adversary."""

    name: ClassVar[str] = "info_js"
    title: ClassVar[str] = "InfoVAE (JS, adversarial)"
    paper: ClassVar[Paper] = Paper("Makhzani et al.", 2016, "Adversarial Autoencoders", "1511.05644")
    equation: ClassVar[str] = "loss = rec + (1 - alpha) KL + (alpha + lambda - 1) E_q[-log s(T(z))]"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="AAE of Shen et al. 2020, arXiv:1905.12777, its code; Makhzani et al. train on images",
        epochs=50,
        optimizer="adam",
        learning_rate=5e-4,
        batch_size=256,
        hyper={"info_js": {"scaling": 10.0, "hidden": 512, "learning_rate": 0.0}},
        left_out=("Adam's first moments decay by 0.5 and not by 0.9",),
        unconfirmed=("clip",),
    )
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL, Part.TERM, Part.STEP})
    adds_to: ClassVar[frozenset[Part]] = frozenset({Part.STEP})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.PLAIN_STEP})
    deviations: ClassVar[tuple[str, ...]] = (
        "betas (0.5, 0.999) are the critic's only; encoder and decoder have the optimiser of all methods",
        "where the model is trained by SGD the critic keeps Adam at 5e-4, as no rate of SGD is one of Adam",
    )
    cost: ClassVar[float] = 1.1
    sensible: ClassVar[Mapping[str, Sensible]] = {"alpha": Span(0.0, 1.0), "scaling": Span(1.0, 100.0, log=True)}

    alpha: float = Field(1.0, le=1, description="alpha: share of the KL that is dropped; below 0 it is raised")
    scaling: float = Field(10.0, ge=0, description="lambda: with alpha, the factor alpha + lambda - 1 on the term")
    hidden: int = Field(512, ge=1, description="units of the critic")
    learning_rate: float = Field(
        0.0, ge=0, le=1, description="of the critic's Adam; 0 is the model's at every update, as in the authors' code"
    )

    @property
    def trains_prior(self) -> bool:
        """See `Remedy.trains_prior`; the critic's term holds samples of p(z) without a gradient."""
        return kl_factor(self.alpha) > 0

    def build(self, parts: Parts) -> Parts:
        """The critic among the auxiliary modules."""
        critic = Critic(parts.shape.model.latent_size, self.hidden)
        return replace(parts, aux=put_aux(parts, self.name, critic))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Scales the KL and adds the encoder's side of the game."""
        critic = terms.context.aux[self.name]
        return self.with_divergence(terms, lambda: deception_loss(fixed_logits(critic, terms.z)))

    def wrap_step(self, step: Step, session: Session) -> Step:
        """The update followed by one of the critic."""
        critic = session.model.aux[self.name]
        optimizer = Adam(critic.parameters(), lr=self._rate(session), betas=BETAS)
        session.own_optimizer(self.name, optimizer)

        def both(batch: Batch) -> Terms:
            terms = step(batch)
            optimizer.param_groups[0]["lr"] = self._rate(session)
            update_critic(critic, optimizer, terms.z, session.model.prior)
            return terms

        return both

    def _rate(self, session: Session) -> float:
        """The critic's learning rate at this update."""
        return self.learning_rate or session.adam_rate or RATE
