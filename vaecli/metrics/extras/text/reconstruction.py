"""Sentences decoded from the means of their posteriors, and how near they come to their sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from vaecli.corpus.batches import evaluation_batches
from vaecli.corpus.types import Corpus, Split, collate
from vaecli.metrics.inference import evaluation_mode, infer
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


def posterior_means(model: VAE, split: Split, *, batch_size: int, seed: int, device: torch.device) -> Tensor:
    """(N, Z) float64 E_q[z|x] of the sentences of a split, in its order; the model has a latent variable."""
    order, means = [], []
    with evaluation_mode(model, device):
        for index in evaluation_batches(split, batch_size):
            order.append(index)
            means.append(infer(model, collate(split, index).to(device), seed).mean)
    return torch.cat(means)[torch.cat(order).argsort().to(device)]


def decode_codes(
    model: VAE, z: Tensor, decode: Decode, longest: int, *, batch_size: int, device: torch.device
) -> list[Sentence]:
    """Decodes (N, Z) codes in batches, in evaluation mode."""
    with evaluation_mode(model, device):
        parts = [decode(model.decoder, part.to(device), longest) for part in torch.split(z, batch_size)]
    return [sentence for part in parts for sentence in part]


def reconstruct(
    model: VAE, split: Split, longest: int, *, size: int = 1, batch_size: int, seed: int, device: torch.device
) -> list[list[int]]:
    """The words decoded from each sentence's posterior mean, in the order of the split.

    Args:
        model: With a latent variable, on the device; its mode and torch's global generators stay as they are.
        split: N sentences.
        longest: Words at most.
        size: Of the beam, without length normalisation; 1 decodes greedily.
        batch_size: Sentences a batch; a beam takes fewer, so that as many prefixes are held.
        seed: Of the posterior, where its refinement draws.
        device: Where the model is.
    """
    z = posterior_means(model, split, batch_size=batch_size, seed=seed, device=device)
    decode: Decode = greedy if size == 1 else partial(beam, size=size)
    sentences = decode_codes(model, z, decode, longest, batch_size=max(1, batch_size // size), device=device)
    return [sentence.words for sentence in sentences]


def sources(split: Split) -> Sequence[list[int]]:
    """The words of all sentences, words unknown to the vocabulary being ``<unk>``."""
    return [split.sentence(n) for n in range(len(split))]
