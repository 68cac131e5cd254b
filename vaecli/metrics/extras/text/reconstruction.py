"""Sentences decoded from the codes that the means of their posteriors stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from vaecli.corpus.types import Corpus, Split
from vaecli.metrics.inference import evaluation_mode, infer
from vaecli.metrics.scoring import Sampling, Scoring
from vaecli.model.decoder import Decoder
from vaecli.model.decoding import Sentence, beam, greedy
from vaecli.model.vae import VAE

Decode = Callable[[Decoder, Tensor, int], list[Sentence]]
"""Maps decoder, (B, Z) codes and the number of words at most to B sentences."""

BEAM = 5
"""Size of the beam of `bleu_beam`."""


def longest_sentence(*splits: Split) -> int:
    """Words of the longest sentence: where decoding stops at the latest."""
    return max(int(split.lengths.max()) - 1 for split in splits)


def decoding_limit(corpus: Corpus, split: Split) -> int:
    """Words at most of what is decoded: the longest sentence of train or of the split that is measured."""
    return longest_sentence(corpus.train, split)


def posterior_means(model: VAE, scoring: Scoring) -> Tensor:
    """(N, Z) float64 E_q[z|x] of the sentences of a split, in its order; the model has a latent variable."""
    order, means = [], []
    with evaluation_mode(model, scoring.device):
        for index, batch in scoring.batches():
            order.append(index)
            means.append(infer(model, batch, scoring.seed).mean)
    return torch.cat(means)[torch.cat(order).argsort()]


def code_of_means(model: VAE, means: Tensor) -> Tensor:
    """(N, Z) the codes that posterior means stand for, of the kind that the decoder has read in training."""
    with torch.no_grad():
        return model.prior.code(means)


def code_path(model: VAE, first: Tensor, last: Tensor, steps: int) -> Tensor:
    """(S, Z) codes on the way between two (Z,) posterior means, both ends included; see `Prior.path`."""
    weights = torch.linspace(0, 1, steps, dtype=first.dtype, device=first.device)
    with torch.no_grad():
        return model.prior.path(first, last, weights)


def decode_codes(model: VAE, sampling: Sampling, z: Tensor, longest: int, beam_size: int = 1) -> list[Sentence]:
    """Decodes codes, in evaluation mode.

    Args:
        model: On the device; its mode and torch's global generators stay as they are.
        sampling: A beam takes fewer sentences a batch, so that as many prefixes are held.
        z: (N, Z) codes.
        longest: Words at most.
        beam_size: Without length normalisation; 1 decodes greedily.
    """
    decode: Decode = greedy if beam_size == 1 else partial(beam, size=beam_size)
    batches = torch.split(z, max(1, sampling.batch_size // beam_size))
    with evaluation_mode(model, sampling.device):
        parts = [decode(model.decoder, part.to(sampling.device), longest) for part in batches]
    return [sentence for part in parts for sentence in part]


def reconstruct(model: VAE, scoring: Scoring, longest: int, beam_size: int = 1) -> list[list[int]]:
    """The words decoded from the code of each sentence's posterior mean, in the order of the split.

    Args:
        model: With a latent variable, on the device; its mode and torch's global generators stay as they are.
        scoring: Which N sentences are scored, and how.
        longest: Words at most.
        beam_size: See `decode_codes`.
    """
    z = code_of_means(model, posterior_means(model, scoring))
    return [sentence.words for sentence in decode_codes(model, scoring, z, longest, beam_size)]


def sources(split: Split) -> Sequence[list[int]]:
    """The words of all sentences, words unknown to the vocabulary being ``<unk>``."""
    return [split.sentence(n) for n in range(len(split))]
