"""Sentences from codes: greedy decoding, sampling and beam search, a batch at a time.

A sentence is at most `longest` words and ends with ``</s>``, which is forced after the last word that fits. ``<pad>``
and ``<s>`` are never generated, ``<unk>`` may be. Log probabilities are those of the model, p(x|z) with ``</s>``, not
renormalised for what is ruled out. Decoders have to be in evaluation mode.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator, Philox
from torch import Tensor

from vaecli.core.seeds import stable_seed
from vaecli.corpus.types import BOS, EOS, PAD
from vaecli.kernels.switch import fast
from vaecli.model.decoder import Decoder, LSTMDecoder

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""Maps (A, V) log probabilities, the (A,) rows they belong to, and the position in the sentence to (A,) words."""


@dataclass(frozen=True)
class Sentence:
    """A generated sentence.

    Attributes:
        words: Ids, without ``</s>``.
        log_prob: log p(words </s> | z) in nats.
    """

    words: list[int]
    log_prob: float


@dataclass(frozen=True)
class Drawing:
    """How words are drawn from the model's distribution.

    Attributes:
        temperature: Above 0; 1 draws from the model, less goes towards greedy decoding.
        top_k: Only the so many most probable words may come; 0 leaves all (Fan et al. 2018).
        top_p: Only the most probable words may come that together reach this probability, the last one included; 1
            leaves all (Holtzman et al. 2020, nucleus sampling).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def probabilities(self, log_probs: Tensor) -> Tensor:
        """(A, V) float64 of (A, V) log probabilities; 0 for what may not come, not renormalised."""
        result = torch.softmax(log_probs.double() / self.temperature, -1)
        if self.top_k or self.top_p < 1:
            ordered, words = result.sort(stable=True, dim=-1, descending=True)
            before = ordered.cumsum(-1) - ordered
            out = before >= self.top_p
            if self.top_k:
                out[:, self.top_k :] = True
            out[:, 0] = False  # rounding may leave nothing otherwise
            result = result.masked_fill(torch.zeros_like(out).scatter(-1, words, out), 0.0)
        return result


FROM_THE_MODEL = Drawing()


class Steps(ABC):
    """A decoder word by word, for a batch whose rows can be picked anew between two steps."""

    @abstractmethod
    def hidden(self, words: Tensor) -> Tensor:
        """(A, D) state after the (A,) next words, ``<s>`` being the first."""

    @abstractmethod
    def pick(self, rows: Tensor) -> None:
        """Goes on with these (A',) rows, some left out or repeated."""


class PrefixSteps(Steps):
    """Any decoder: the whole prefix is computed again at every step.

    Args:
        decoder: In evaluation mode.
        z: (B, Z).
    """

    def __init__(self, decoder: Decoder, z: Tensor) -> None:
        self.decoder, self.z = decoder, z
        self.prefix = torch.empty(len(z), 0, dtype=torch.int64, device=z.device)

    def hidden(self, words: Tensor) -> Tensor:
        """See `Steps.hidden`."""
        self.prefix = torch.cat([self.prefix, words.unsqueeze(1)], 1)
        return self.decoder.hidden(self.z, self.prefix)[:, -1]

    def pick(self, rows: Tensor) -> None:
        """See `Steps.pick`."""
        self.z, self.prefix = self.z[rows], self.prefix[rows]


class LSTMSteps(Steps):
    """An `LSTMDecoder`, its state carried from step to step.

    Args:
        decoder: In evaluation mode.
        z: (B, Z).
    """

    def __init__(self, decoder: LSTMDecoder, z: Tensor) -> None:
        self.decoder, self.z = decoder, z
        if decoder.initial is None:
            self.c = self.h = z.new_zeros(len(z), decoder.hidden_size)
        else:
            self.c = decoder.initial(z)
            self.h = torch.tanh(self.c)

    def hidden(self, words: Tensor) -> Tensor:
        """See `Steps.hidden`."""
        x = torch.cat([self.decoder.embedding(words), self.z], 1).unsqueeze(1)
        states, (h, c) = self.decoder.lstm(x, (self.h.unsqueeze(0), self.c.unsqueeze(0)))
        self.h, self.c = h[0], c[0]
        last: Tensor = states[:, 0]
        return last

    def pick(self, rows: Tensor) -> None:
        """See `Steps.pick`."""
        self.z, self.h, self.c = self.z[rows], self.h[rows], self.c[rows]


def prefix_steps(decoder: Decoder, z: Tensor) -> Steps:
    """Plain twin of `steps_of`: the same steps for every decoder."""
    return PrefixSteps(decoder, z.to(decoder.output.weight))


@fast(prefix_steps)
def steps_of(decoder: Decoder, z: Tensor) -> Steps:
    """The fastest steps that give what `Decoder.hidden` gives; a subclass that has its own `hidden` gets the general.

    Args:
        decoder: In evaluation mode.
        z: (B, Z), in any floating dtype; (B, 0) for a language model.
    """
    z = z.to(decoder.output.weight)
    if isinstance(decoder, LSTMDecoder) and type(decoder).hidden is LSTMDecoder.hidden:
        return LSTMSteps(decoder, z)
    return PrefixSteps(decoder, z)


def _next_log_probs(decoder: Decoder, steps: Steps, words: Tensor, last: bool) -> Tensor:
    """(A, V) log p of the next word, -inf for what may not come; `last`: only ``</s>`` may."""
    log_probs = torch.log_softmax(decoder.output.logits(steps.hidden(words)), -1)
    if last:
        forced = torch.full_like(log_probs, -math.inf)
        forced[:, EOS] = log_probs[:, EOS]
        return forced
    log_probs[:, [PAD, BOS]] = -math.inf
    return log_probs


@torch.no_grad()
def _roll(decoder: Decoder, z: Tensor, longest: int, choose: Choose) -> list[Sentence]:
    """One word at a time; sentences that have ended are computed no further."""
    steps = steps_of(decoder, z)
    alive = torch.arange(len(z), device=z.device)
    words = torch.full((len(z), longest + 1), EOS, device=z.device)
    total = torch.zeros(len(z), dtype=torch.float64, device=z.device)
    chosen = torch.full_like(alive, BOS)
    for position in range(longest + 1):
        log_probs = _next_log_probs(decoder, steps, chosen, last=position == longest)
        chosen = choose(log_probs, alive, position) if position < longest else torch.full_like(alive, EOS)
        words[alive, position] = chosen
        total[alive] += log_probs.gather(1, chosen.unsqueeze(1)).squeeze(1)
        going = (chosen != EOS).nonzero().squeeze(1)
        if not len(going):
            break
        if len(going) < len(alive):
            alive, chosen = alive[going], chosen[going]
            steps.pick(going)
    return _sentences(words, total)


def _sentences(words: Tensor, log_probs: Tensor) -> list[Sentence]:
    """From (B, T) words that end with ``</s>``."""
    rows = ([int(w) for w in row[: row.index(EOS)]] for row in words.tolist())
    return [Sentence(row, log_prob) for row, log_prob in zip(rows, log_probs.tolist(), strict=True)]


def greedy(decoder: Decoder, z: Tensor, longest: int) -> list[Sentence]:
    """The most probable word at every position.

    Args:
        decoder: In evaluation mode.
        z: (B, Z) codes; (B, 0) for a language model.
        longest: Words at most.
    """
    return _roll(decoder, z, longest, lambda log_probs, rows, position: log_probs.argmax(1))


def sampling_noise(seed: int, numbers: Tensor, longest: int) -> Tensor:
    """Uniform noise from each sentence's own stream, so that a sample depends on no other of its batch.

    Args:
        seed: Of all streams.
        numbers: (B,) int64 numbers of the sentences; each has its stream.
        longest: Words at most; a larger number extends the streams.

    Returns:
        (B, longest) float64 in [0, 1) on the CPU.
    """
    key = stable_seed(seed, "sampling")
    noise = np.empty((len(numbers), longest))
    for row, number in zip(noise, numbers.tolist(), strict=True):
        Generator(Philox(key=np.array([key, number], dtype=np.uint64))).random(out=row)
    return torch.from_numpy(noise)


def sample(decoder: Decoder, z: Tensor, noise: Tensor, drawing: Drawing = FROM_THE_MODEL) -> list[Sentence]:
    """Words drawn from ``softmax(logits / temperature)`` by inversion of its distribution function.

    Args:
        decoder: In evaluation mode.
        z: (B, Z) codes; (B, 0) for a language model.
        noise: (B, longest) uniform in [0, 1), as from `sampling_noise`; longest is the number of words at most.
        drawing: The temperature, and which words may come.
    """
    noise = noise.to(z.device)

    def choose(log_probs: Tensor, rows: Tensor, position: int) -> Tensor:
        cumulated = drawing.probabilities(log_probs).cumsum(1)
        # times the last sum: rounding may leave it beside 1, and what is ruled out beside 0
        reached = noise[rows, position].unsqueeze(1) * cumulated[:, -1:]
        return torch.searchsorted(cumulated, reached, right=True).squeeze(1).clamp(max=log_probs.shape[1] - 1)

    return _roll(decoder, z, noise.shape[1], choose)


@torch.no_grad()
def beam(decoder: Decoder, z: Tensor, longest: int, size: int = 5, normalise: bool = False) -> list[Sentence]:
    """The best sentence that a beam of `size` prefixes finds; size 1 is greedy decoding.

    A sentence that has ended keeps its row in the beam until `size` others are more probable.

    Args:
        decoder: In evaluation mode.
        z: (B, Z) codes; (B, 0) for a language model.
        longest: Words at most.
        size: Prefixes kept for each code.
        normalise: Choose among the sentences in the last beam by log probability per predicted token, which favours
            longer ones; otherwise by log probability.
    """
    steps, count, device = steps_of(decoder, z), len(z), z.device
    steps.pick(torch.arange(count, device=device).repeat_interleave(size))
    # at first all prefixes of a code are the same one: only the first counts
    total = torch.full((count, size), -math.inf, dtype=torch.float64, device=device)
    total[:, 0] = 0
    words = torch.full((count, size, longest + 1), EOS, device=device)
    last = torch.full((count, size), BOS, device=device)
    ended = torch.zeros(count, size, dtype=torch.bool, device=device)
    for position in range(longest + 1):
        log_probs = _next_log_probs(decoder, steps, last.flatten(), last=position == longest).view(count, size, -1)
        log_probs[ended] = -math.inf
        log_probs[..., EOS].masked_fill_(ended, 0)  # what has ended goes on with </s>, at no cost
        total, flat = (total.unsqueeze(2) + log_probs).flatten(1).topk(size, 1)
        parent, last = flat // log_probs.shape[2], flat % log_probs.shape[2]
        words = words.gather(1, parent.unsqueeze(2).expand_as(words))
        words[:, :, position] = last
        ended = last == EOS
        # log probabilities only fall, so that nothing overtakes an ended sentence at the top
        if bool(ended.all() if normalise else ended[:, 0].all()):
            break
        steps.pick((torch.arange(count, device=device).unsqueeze(1) * size + parent).flatten())
    return _best(words, total, ended, normalise)


def _best(words: Tensor, total: Tensor, ended: Tensor, normalise: bool) -> list[Sentence]:
    """The best ended sentence of each of the (B, K, T) beams; the first is the most probable."""
    score = total.masked_fill(~ended, -math.inf)
    if normalise:
        score = score / ((words == EOS).int().argmax(2) + 1)
    best = score.argmax(1, keepdim=True)
    chosen = words.gather(1, best.unsqueeze(2).expand(-1, -1, words.shape[2])).squeeze(1)
    return _sentences(chosen, total.gather(1, best).squeeze(1))
