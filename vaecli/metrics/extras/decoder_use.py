r"""How much the decoder makes of z: its loss with the right code, and with codes that say nothing of the sentence.

.. math:: \text{gain}_s = E_{z \sim s}[-\log p(x|z)] - E_{q(z|x)}[-\log p(x|z)]

for codes s from the prior, from another sentence's posterior, and zero. A decoder that ignores z has 0 for all three,
whatever the KL is. Bowman et al. (2016) and many after them argue from the KL alone, which a shifted posterior
satisfies without telling the decoder anything.

A loss is the sum over tokens of -log p(w_t | w_<t, z), so a gain is one of positions and of words too: which of them a
code remembers (Bosc & Vincent 2020, who find that it is the first words, and the length).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vaecli.core.seeds import stable_seed
from vaecli.corpus.types import Split
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.columns.mi import standard_error
from vaecli.metrics.extras.registry import BlockInput, BlockResult, undefined
from vaecli.metrics.extras.remembered_words import TokenGains, predicted_types, token_starts, word_details, word_lines
from vaecli.metrics.inference import evaluation_mode, wide_prior
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.scoring import Scoring
from vaecli.model.vae import VAE

SOURCES = ("prior", "shuffled", "zero")
GAIN_COLUMNS = tuple(f"z_gain_{source}{end}" for source in SOURCES for end in ("", "_se"))


@dataclass(frozen=True)
class Losses:
    """-log p(x|z) of N sentences with codes of one kind, float64 nats.

    Attributes:
        sentence: (N,) in the order of the split.
        position: (T,) sum over sentences of the loss at each position.
        token: (W,) of each predicted token of the split, a sentence after the other.
    """

    sentence: Tensor
    position: Tensor
    token: Tensor


def decoder_use_block(block: BlockInput) -> BlockResult:
    """The gains, their standard errors, the mean loss by position with each kind of code, and the gains of words."""
    model, split = block.model, block.split
    if not model.has_latent:
        return undefined(GAIN_COLUMNS, "decoder use: a language model has no code")
    losses = code_losses(model, block.scoring, make_codes(model, block.scoring))
    values: dict[str, float | int | None] = dict.fromkeys(GAIN_COLUMNS)
    for source in SOURCES:
        if source in losses:
            gain = losses[source].sentence - losses["posterior"].sentence
            values[f"z_gain_{source}"] = float(gain.mean())
            values[f"z_gain_{source}_se"] = standard_error(gain)
    counts = position_counts(split)
    details = {
        "nll": {source: float(loss.sentence.mean()) for source, loss in losses.items()},
        "position_counts": counts.tolist(),
        "position_nll": {source: (loss.position.cpu() / counts).tolist() for source, loss in losses.items()},
    }
    lines = [*in_words(values), *position_lines(losses, counts)]
    if "shuffled" in losses:
        gain = losses["shuffled"].token - losses["posterior"].token
        gains = TokenGains(predicted_types(split), gain.cpu(), len(split))
        words = word_details(gains, block.corpus.train, block.corpus.vocabulary)
        details["words"] = words
        lines += word_lines(words)
    return BlockResult(values, details, tuple(lines))


def in_words(values: Mapping[str, float | int | None]) -> tuple[str, ...]:
    """What the code is worth to the decoder, in a line: nothing within two standard errors of another sentence's."""
    gain, error = values["z_gain_shuffled"], values["z_gain_shuffled_se"]
    if gain is None or error is None:
        return ()
    worth = f"{gain:z.2f} nats, with a standard error of {error:.2f}"
    if gain <= 2 * error:
        return (f"the decoder ignores z: another sentence's code does as well ({worth})",)
    return (f"to the decoder z is worth more than another sentence's code: {worth}",)


def make_codes(model: VAE, scoring: Scoring) -> dict[str, Tensor]:
    """(N, Z) float64 codes of each kind; those of the posterior are the ones `rec` is measured at first.

    A split of one sentence has no other sentence, and no ``shuffled``.
    """
    count, seed, device = len(scoring.split), scoring.seed, scoring.device
    z = elbo_terms(model, scoring).z
    assert z is not None
    prior = wide_prior(model)
    noise = sentence_noise(seed, "decoder_use", torch.arange(count), 1, prior.noise_size)[0]
    with torch.no_grad():
        codes = {"posterior": z, "prior": prior.sample(noise.to(device))}
    if count > 1:
        codes["shuffled"] = z[derangement(count, seed).to(device)]
    return codes | {"zero": torch.zeros_like(z)}


def derangement(n: int, seed: int) -> Tensor:
    """(n,) int64 a permutation of n >= 2 sentences that leaves none its own: one cycle through all in random order."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(stable_seed(seed, "derangement")))
    partner = torch.empty_like(order)
    partner[order] = order.roll(-1)
    return partner


def code_losses(model: VAE, scoring: Scoring, codes: dict[str, Tensor]) -> dict[str, Losses]:
    """-log p(x|z) with each kind of code.

    Args:
        model: On the device; its mode and torch's global generators stay as they are.
        scoring: Which N sentences are scored, and how.
        codes: (N, Z) codes by kind, on the device.
    """
    split, device = scoring.split, scoring.device
    longest = int(split.lengths.max())
    dtype = model.decoder.output.weight.dtype
    starts = token_starts(split).to(device)
    losses = {
        kind: Losses(
            torch.empty(len(split), dtype=torch.float64, device=device),
            torch.zeros(longest, dtype=torch.float64, device=device),
            torch.empty(split.predicted_tokens, dtype=torch.float64, device=device),
        )
        for kind in codes
    }
    with evaluation_mode(model, device):
        for index, batch in scoring.batches():
            mask = batch.mask
            places = (starts[index].unsqueeze(1) + torch.arange(mask.shape[1], device=device))[mask]
            for kind, z in codes.items():
                nll = model.token_nll(z[index].to(dtype), batch).double()
                losses[kind].sentence[index] = nll.sum(1)
                losses[kind].position[: nll.shape[1]] += nll.sum(0)
                losses[kind].token[places] = nll[mask]
    return losses


def position_counts(split: Split) -> Tensor:
    """(T,) int64 sentences that have a predicted token at each position; never 0."""
    lengths = split.lengths
    return torch.stack([(lengths > t).sum() for t in range(int(lengths.max()))])


def position_lines(losses: dict[str, Losses], counts: Tensor, most: int = 12) -> tuple[str, ...]:
    """A small table: the mean loss at the first positions with each kind of code."""
    width = max(map(len, losses))
    first = counts[:most]
    lines = [f"nats by position, 1 to {len(first)} of {len(counts)}; </s> counts as a position"]
    for kind, loss in losses.items():
        means = (loss.position.cpu()[:most] / first).tolist()
        lines.append(f"  {kind:<{width}} " + " ".join(f"{mean:6.3f}" for mean in means))
    if "shuffled" in losses:
        worth = (losses["shuffled"].position - losses["posterior"].position).cpu()[:most] / first
        lines.append(f"  {'worth':<{width}} " + " ".join(f"{mean:z6.3f}" for mean in worth.tolist()))
        lines[0] += "; worth = shuffled - posterior"
    lines.append(f"  {'sentences':<{width}} " + " ".join(f"{count:6d}" for count in first.tolist()))
    return tuple(lines)
