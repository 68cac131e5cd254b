"""An auxiliary loss that predicts the words of the sentence, in no order, from z alone.

Equation:
    ``loss = E_q[-log p(x|z)] + KL + w E_q[-sum_t log softmax(f(z))_{w_t}]``, f a network of one tanh layer. A decoder
    that ignores z can't lower this term, so information flows into z from the first update on.

Caveat:
    It counts the words only, not ``</s>``, and it is in nats per sentence; it is no part of any reported figure. The
    network is trained with the encoder.

References:
    Zhao, Zhao & Eskenazi (2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.corpus.types import EOS, Batch
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, put_aux
from vaecli.remedies.core.sensible import Sensible, Span


def bag_of_words_nll(logits: Tensor, batch: Batch) -> Tensor:
    """(B,) ``-sum_t log softmax(logits)_{w_t}`` over the words of each sentence, in nats.

    All words of a sentence are drawn from one distribution, so one row of logits serves them all.

    Args:
        logits: (B, V).
        batch: The sentences; ``</s>`` and padding don't count.
    """
    wide = logits if logits.dtype == torch.float64 else logits.float()
    at_words = wide.log_softmax(-1).gather(1, batch.targets)
    return -at_words.masked_fill(~batch.mask | (batch.targets == EOS), 0.0).sum(1)


class BOW(Remedy):
    """Bag-of-words loss."""

    name: ClassVar[str] = "bow"
    title: ClassVar[str] = "bag-of-words loss"
    paper: ClassVar[Paper] = Paper(
        "Zhao, Zhao & Eskenazi",
        2017,
        "Learning Discourse-level Diversity for Neural Dialog Models using Conditional Variational Autoencoders",
        "1703.10960",
    )
    equation: ClassVar[str] = "loss = rec + KL + w E_q[-sum_t log softmax(f(z))_{w_t}]"
    no_recipe: ClassVar[str] = "the training of Zhao et al. was not obtained"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LATENT})
    deviations: ClassVar[tuple[str, ...]] = ("the bag leaves out </s>, which every sentence has; the code counts it",)
    cost: ClassVar[float] = 1.4
    sensible: ClassVar[Mapping[str, Sensible]] = {"weight": Span(0.1, 5.0, log=True)}

    weight: float = Field(1.0, ge=0, description="w: factor on the bag-of-words loss")
    hidden: int = Field(400, ge=1, description="tanh units between z and the words")

    def build(self, parts: Parts) -> Parts:
        """The network f beside the decoder."""
        size = parts.shape.model.latent_size
        network = nn.Sequential(
            nn.Linear(size, self.hidden), nn.Tanh(), nn.Linear(self.hidden, parts.shape.vocabulary_size)
        )
        return replace(parts, aux=put_aux(parts, self.name, network))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the bag-of-words loss of the sample z."""
        logits = terms.context.aux[self.name](terms.z)
        return terms.add(self.weight * bag_of_words_nll(logits, terms.context.batch))
