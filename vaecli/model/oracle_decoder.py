"""The decoder that wrote the corpus `oracle`, its weights fixed: only what infers z has anything to learn."""

from __future__ import annotations

import torch
from torch import Tensor

from vaecli.core.errors import UsageError
from vaecli.corpus.oracle import LATENT, the_oracle
from vaecli.corpus.types import BOS, EOS
from vaecli.corpus.vocabulary import SPECIALS
from vaecli.kernels.output import OutputLayer
from vaecli.model.decoder import LSTMOutputDecoder

SURE = 1e4
"""A logit beside which all others have no probability left in float32, nor in bfloat16."""


class OracleDecoder(LSTMOutputDecoder):
    """`vaecli.corpus.oracle.Oracle` as a decoder: `LSTMOutputDecoder` with the oracle's weights, held still.

    Two features of every state say what the oracle knows without words: a sentence has five words, so ``</s>`` is sure
    after them and impossible before; and the other special symbols are impossible.

    Args:
        vocabulary_size: Those of the corpus `oracle`.
        latent_size: 2.

    Raises:
        UsageError: The sizes are others.
    """

    fixed_weights = True

    def __init__(self, vocabulary_size: int, latent_size: int) -> None:
        oracle = the_oracle()
        words, width = oracle.state_weight.shape
        if (vocabulary_size, latent_size) != (words + len(SPECIALS), LATENT):
            raise UsageError(
                f"model.decoder=oracle is the decoder of the corpus oracle: {words:,} words and model.latent_size "
                f"{LATENT}, got {vocabulary_size - len(SPECIALS):,} words and {latent_size}"
            )
        super().__init__(vocabulary_size, oracle.embedding.shape[1], width, latent_size)
        self.output = OutputLayer(width + latent_size + 2, vocabulary_size)
        self.length, first = oracle.length, len(SPECIALS)
        weights = {name: torch.from_numpy(value).float() for name, value in vars(oracle).items() if name != "length"}
        with torch.no_grad():
            self.embedding.weight.zero_()
            self.embedding.weight[BOS] = weights["embedding"][0].to(self.embedding.weight)
            self.embedding.weight[first:] = weights["embedding"][1:].to(self.embedding.weight)
            recurrent = {
                "weight_ih_l0": weights["input_weight"],
                "weight_hh_l0": weights["hidden_weight"],
                "bias_ih_l0": weights["bias"],
                "bias_hh_l0": torch.zeros(4 * width),
            }
            for name, parameter in self.lstm.named_parameters():
                parameter.copy_(recurrent[name])
            table = torch.cat([weights["state_weight"], weights["code_weight"]], 1).to(self.output.weight)
            self.output.weight.zero_()
            self.output.weight[first:, : width + latent_size] = table
            self.output.weight[:first, -1] = -SURE
            self.output.weight[EOS, -2] = 2 * SURE
        self.requires_grad_(False)

    def hidden(self, z: Tensor, inputs: Tensor) -> Tensor:
        """(B, T, H + Z + 2) ``[h_t; z; t == 5; 1]``; see `Decoder.hidden`."""
        states = super().hidden(z, inputs)
        steps = torch.arange(inputs.shape[1], device=states.device)
        known = torch.stack([(steps >= self.length).to(states.dtype), torch.ones_like(steps, dtype=states.dtype)], 1)
        return torch.cat([states, known.expand(len(states), -1, -1)], -1)
