"""The language model: the same decoder without a latent variable, the figure that a VAE has to beat.

Equation:
    ``loss = -sum_t log p(w_t | w_<t)``, exact.

Caveat:
    The decoder has the sizes and dropout of the VAE's, reads the words only and starts from a zero state.

References:
    He et al. (2019), the reference row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from vaecli.model.decoder import LSTMDecoder
from vaecli.model.prior import StandardNormal
from vaecli.model.vae import Parts
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.shared.recipes import HE, SAME_LENGTH

NO_LATENT = "a language model has no latent variable"
EXACT = "its iw_nll is exact, without samples"


class LM(Remedy):
    """The LSTM language model."""

    name: ClassVar[str] = "lm"
    title: ClassVar[str] = "LSTM language model"
    paper: ClassVar[Paper] = Paper(
        "He et al.",
        2019,
        "Lagging Inference Networks and Posterior Collapse in Variational Autoencoders",
        "1901.05534",
        "row LSTM-LM",
    )
    equation: ClassVar[str] = "loss = -sum_t log p(w_t | w_<t)"
    recipe: ClassVar[Recipe | None] = replace(
        HE,
        source="He et al. 2019, arXiv:1901.05534, the language model of its code",
        left_out=(
            SAME_LENGTH,
            "the lm.py of Li et al., arXiv:1909.00868, may decay from the first epoch on, and ends with the fifth "
            "decay; `vae reproduce ptb-lstm` follows it but in its end",
        ),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.ENCODER, Part.POSTERIOR, Part.PRIOR, Part.DECODER})
    takes: ClassVar[frozenset[Need]] = frozenset(
        {Need.LATENT, Need.ENCODER, Need.DENSITY, Need.GAUSSIAN, Need.MOVABLE_KL, Need.MOVABLE_SPREAD}
    )
    cost: ClassVar[float] = 0.7
    undefined: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("kl", "kl_weight", "mi", "mi_se", "mi_ceiling", "mi_batch", "marginal_kl", "au"), NO_LATENT),
        "iw_samples": EXACT,
    }

    def build(self, parts: Parts) -> Parts:
        """A decoder without a latent variable, and nothing that infers one."""
        m = parts.shape.model
        decoder = LSTMDecoder(
            parts.shape.vocabulary_size,
            m.embedding_size,
            m.decoder_size,
            latent_size=0,
            embedding_dropout=m.embedding_dropout,
            output_dropout=m.output_dropout,
        )
        return replace(parts, encoder=None, head=None, prior=StandardNormal(0), decoder=decoder)
