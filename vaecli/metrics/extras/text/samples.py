"""Sentences sampled from the prior, their variety, and how probable they are to a language model of real text."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from vaecli.core.errors import UsageError
from vaecli.corpus.types import Split
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.columns.ppl import perplexity
from vaecli.metrics.inference import evaluation_mode, wide_prior
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Sampling, Scoring
from vaecli.model.decoding import FROM_THE_MODEL, Drawing, Sentence, sample, sampling_noise
from vaecli.model.digest import tensor_bytes
from vaecli.model.vae import VAE

COUNT = 1000
"""Sentences sampled."""

SELF_BLEU_SENTENCES = 500
"""Of which so many, the first ones, are compared with one another."""


def prior_codes(model: VAE, sampling: Sampling, count: int) -> Tensor:
    """(S, Z) float64 codes from the prior, each from its own stream; (S, 0) for a language model."""
    prior = wide_prior(model)
    noise = sentence_noise(sampling.seed, "prior", torch.arange(count), 1, prior.noise_size)[0]
    with torch.no_grad():
        return prior.sample(noise.to(sampling.device))


def sample_prior(
    model: VAE, sampling: Sampling, count: int, longest: int, drawing: Drawing = FROM_THE_MODEL
) -> list[Sentence]:
    """Sentences drawn word by word from codes of the prior; more of them begin with the same ones.

    Args:
        model: On the device; its mode and torch's global generators stay as they are.
        sampling: The seed is that of codes and words.
        count: Sentences S.
        longest: Words at most.
        drawing: How words are drawn.
    """
    return sample_codes(model, sampling, prior_codes(model, sampling, count), longest, drawing)


def sample_codes(
    model: VAE, sampling: Sampling, z: Tensor, longest: int, drawing: Drawing = FROM_THE_MODEL
) -> list[Sentence]:
    """Sentences drawn word by word from (S, Z) codes; see `sample_prior`."""
    sentences: list[Sentence] = []
    with evaluation_mode(model, sampling.device):
        for index in torch.split(torch.arange(len(z)), sampling.batch_size):
            noise = sampling_noise(sampling.seed, index, longest)
            sentences += sample(model.decoder, z[index.to(z.device)], noise, drawing)
    return sentences


def as_split(sentences: list[list[int]], name: str = "train") -> Split:
    """Sentences as lists of word ids, encoded as a split."""
    offsets = torch.tensor([0, *map(len, sentences)]).cumsum(0)
    return Split(name, torch.tensor([word for words in sentences for word in words], dtype=torch.int32), offsets)


def split_perplexity(reference: VAE, scoring: Scoring) -> float:
    """Perplexity of a split per predicted token under a language model.

    Args:
        reference: A language model on the device, with the vocabulary that the split is encoded with.
        scoring: Which sentences are scored, and how; nothing is drawn.

    Raises:
        UsageError: The reference has a latent variable, or another vocabulary.
    """
    if reference.has_latent:
        raise UsageError("the reference of a perplexity has to be a language model, such as a run of method lm")
    split, size = scoring.split, reference.shape.vocabulary_size
    if len(split.tokens) and int(split.tokens.max()) >= size:
        raise UsageError(f"the reference knows {size} word types, fewer than the text; train it on the same corpus")
    return perplexity(float(elbo_terms(reference, scoring).rec.sum()), split.predicted_tokens)


def weights_fingerprint(model: VAE) -> str:
    """Twelve hexadecimal digits of the SHA-256 of a model's weights: which reference a perplexity was taken under."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor_bytes(tensor))
    return digest.hexdigest()[:12]
