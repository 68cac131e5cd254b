r"""The reference: a text VAE in plain PyTorch, the way published repositories write it.

It is the same model as the vanilla VAE of `vaecli`, weight by weight, and does the same sums in the straightforward
way: float32, batches of sentences of exactly one length with the left-over ones kept, z concatenated to every input,
all logits at once, `nn.CrossEntropyLoss`, an optimiser that isn't fused, the importance-weighted bound sentence by
sentence in chunks of 100 samples, mutual information in a loop over sentences, and text read word by word.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from vaecli.config import ModelConfig, TrainingConfig
from vaecli.corpus.types import BOS, EOS, Split
from vaecli.model.vae import VAE

LOG_2PI = math.log(2 * math.pi)

WEIGHTS = {
    "encoder_embedding.weight": "encoder.embedding.weight",
    "encoder.weight_ih_l0": "encoder.lstm.weight_ih_l0",
    "encoder.weight_hh_l0": "encoder.lstm.weight_hh_l0",
    "encoder.bias_ih_l0": "encoder.lstm.bias_ih_l0",
    "encoder.bias_hh_l0": "encoder.lstm.bias_hh_l0",
    "mean.weight": "head.mean.weight",
    "logvar.weight": "head.logvar.weight",
    "decoder_embedding.weight": "decoder.embedding.weight",
    "initial.weight": "decoder.initial.weight",
    "decoder.weight_ih_l0": "decoder.lstm.weight_ih_l0",
    "decoder.weight_hh_l0": "decoder.lstm.weight_hh_l0",
    "decoder.bias_ih_l0": "decoder.lstm.bias_ih_l0",
    "decoder.bias_hh_l0": "decoder.lstm.bias_hh_l0",
    "output.weight": "decoder.output.weight",
}
"""The reference's parameters and the names that ours give the same ones."""


def equal_length_groups(split: Split, size: int) -> list[list[int]]:
    """Places of sentences in groups of exactly one length, shortest first; left-over sentences form smaller groups."""
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for index, length in enumerate(split.lengths.tolist()):
        by_length[length].append(index)
    return [
        by_length[length][start : start + size]
        for length in sorted(by_length)
        for start in range(0, len(by_length[length]), size)
    ]


def equal_length_batch(split: Split, places: Iterable[int]) -> Tensor:
    """(B, T + 1) ``<s> w_1 ... w_n </s>`` of sentences of one length."""
    return torch.tensor([[BOS, *split.sentence(index), EOS] for index in places])


class ReferenceVAE(nn.Module):
    """LSTM encoder, diagonal Gaussian, LSTM decoder, as `vaecli.model` builds them for the vanilla method.

    Args:
        vocabulary_size: Word types V.
        config: Sizes and dropout.
    """

    def __init__(self, vocabulary_size: int, config: ModelConfig) -> None:
        super().__init__()
        width, latent = config.embedding_size, config.latent_size
        self.encoder_embedding = nn.Embedding(vocabulary_size, width)
        self.encoder = nn.LSTM(width, config.encoder_size, batch_first=True)
        self.mean = nn.Linear(config.encoder_size, latent, bias=False)
        self.logvar = nn.Linear(config.encoder_size, latent, bias=False)
        self.decoder_embedding = nn.Embedding(vocabulary_size, width)
        self.dropout_in = nn.Dropout(config.embedding_dropout)
        self.initial = nn.Linear(latent, config.decoder_size, bias=False)
        self.decoder = nn.LSTM(width + latent, config.decoder_size, batch_first=True)
        self.dropout_out = nn.Dropout(config.output_dropout)
        self.output = nn.Linear(config.decoder_size, vocabulary_size, bias=False)
        self.criterion = nn.CrossEntropyLoss(reduction="none")

    @torch.no_grad()
    def copy_weights(self, ours: VAE) -> None:
        """Takes over the weights of our model, so that both compute the same function."""
        theirs = ours.state_dict()
        self.load_state_dict({own: theirs[name].clone() for own, name in WEIGHTS.items()})

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, Z) mean and logvar of q(z|x) for (B, T + 1) sentences of one length."""
        _, (hidden, _) = self.encoder(self.encoder_embedding(x))
        return self.mean(hidden[-1]), self.logvar(hidden[-1])

    def nll(self, z: Tensor, x: Tensor) -> Tensor:
        """(B,) -log p(x|z) in nats per sentence, for (B, Z) codes and (B, T + 1) sentences."""
        inputs, targets = x[:, :-1], x[:, 1:]
        words = self.dropout_in(self.decoder_embedding(inputs))
        repeated = z.unsqueeze(1).expand(-1, inputs.shape[1], -1)
        c = self.initial(z).unsqueeze(0)
        states, _ = self.decoder(torch.cat([words, repeated], -1), (torch.tanh(c), c))
        logits = self.output(self.dropout_out(states))
        loss: Tensor = self.criterion(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
        return loss.view(targets.shape).sum(1)

    def neg_elbo(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """(B,) one-sample -ELBO; (B, Z) noise where it should not be drawn."""
        mean, logvar = self.posterior(x)
        noise = torch.randn_like(mean) if noise is None else noise
        kl = 0.5 * (mean.square() + logvar.exp() - logvar - 1).sum(1)
        return self.nll(mean + (0.5 * logvar).exp() * noise, x) + kl


class ReferenceTrainer:
    """One optimiser for the encoder and one for the decoder, the gradient clipped over both.

    Args:
        model: In training mode, on its device.
        config: Optimiser, learning rate and clip.
    """

    def __init__(self, model: ReferenceVAE, config: TrainingConfig) -> None:
        self.model, self.clip = model, config.clip
        encoder = [model.encoder_embedding, model.encoder, model.mean, model.logvar]
        decoder = [model.decoder_embedding, model.initial, model.decoder, model.output]
        kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.SGD
        self.optimizers = [
            kind([p for module in part for p in module.parameters()], lr=config.learning_rate)
            for part in (encoder, decoder)
        ]

    def step(self, x: Tensor) -> float:
        """One update on (B, T + 1) sentences of one length; gives the loss."""
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss = self.model.neg_elbo(x).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        return float(loss.detach())


@torch.no_grad()
def evaluate_neg_elbo(model: ReferenceVAE, batches: Sequence[Tensor]) -> float:
    """-ELBO in nats per sentence over batches of sentences of one length."""
    total = sum(float(model.neg_elbo(x).sum()) for x in batches)
    return total / sum(len(x) for x in batches)


@torch.no_grad()
def importance_weighted_nll(
    model: ReferenceVAE, x: Tensor, samples: int, chunk: int = 100, noise: Tensor | None = None
) -> float:
    """Importance-weighted bound on -log p(x) of one sentence, chunk by chunk (Burda et al. 2016, equation 8).

    Args:
        model: In evaluation mode.
        x: (1, T + 1) the sentence.
        samples: K.
        chunk: Samples decoded at a time.
        noise: (K, Z) where it should not be drawn.
    """
    weights = []
    for start in range(0, samples, chunk):
        size = min(chunk, samples - start)
        mean, logvar = model.posterior(x)
        eps = mean.new_empty(size, mean.shape[1]).normal_() if noise is None else noise[start : start + size]
        z = mean + (0.5 * logvar).exp() * eps
        log_prior = -0.5 * (z.square() + LOG_2PI).sum(1)
        log_posterior = -0.5 * ((z - mean).square() / logvar.exp() + logvar + LOG_2PI).sum(1)
        weights.append(log_prior - log_posterior - model.nll(z, x.expand(size, -1)))
    return math.log(samples) - float(torch.logsumexp(torch.cat(weights), 0))


def mutual_information_terms(mean: Tensor, logvar: Tensor, z: Tensor, places: Iterable[int]) -> list[float]:
    """Terms log q(z_n|x_n) - log q(z_n) of the sentences at `places`, one at a time.

    Args:
        mean: (N, Z) of all sentences.
        logvar: (N, Z) of all sentences.
        z: (N, Z) a sample of each.
        places: Sentences to work out.
    """
    terms = []
    for n in places:
        log_q = -0.5 * ((z[n] - mean).square() / logvar.exp() + logvar + LOG_2PI).sum(-1)
        terms.append(float(log_q[n] - (torch.logsumexp(log_q, 0) - math.log(len(mean)))))
    return terms


def batch_mutual_information(mean: Tensor, logvar: Tensor, z: Tensor, batches: Iterable[Tensor]) -> float:
    """Mean of log q(z_n|x_n) - log q(z_n) with q(z) over the sentence's batch, a batch at a time.

    Args:
        mean: (N, Z) of all sentences.
        logvar: (N, Z) of all sentences.
        z: (N, Z) a sample of each.
        batches: Indices of the sentences of each.
    """
    total, count = 0.0, 0
    for index in batches:
        m, v, code = mean[index], logvar[index], z[index]
        distance = (code.unsqueeze(1) - m.unsqueeze(0)).square() / v.exp()
        log_q = -0.5 * (distance + v + LOG_2PI).sum(-1)
        total += float((log_q.diagonal() - (torch.logsumexp(log_q, 1) - math.log(len(index)))).sum())
        count += len(index)
    return total / count


def read_text(folder: Path) -> tuple[dict[str, int], dict[str, list[list[int]]]]:
    """Vocabulary and ids of a corpus: the vocabulary grows while train is read, later words are unknown."""
    vocabulary: defaultdict[str, int] = defaultdict(lambda: len(vocabulary))
    for word in ("<pad>", "<s>", "</s>", "<unk>"):
        vocabulary[word]
    splits: dict[str, list[list[int]]] = {}
    for part in ("train", "valid", "test"):
        sentences = []
        with open(folder / f"{part}.txt", encoding="utf-8") as lines:
            for line in lines:
                words = line.split()
                if not words:
                    continue
                ids = []
                for word in words:
                    if part == "train" or word in vocabulary:
                        ids.append(vocabulary[word])
                    else:
                        ids.append(vocabulary["<unk>"])
                sentences.append(ids)
        splits[part] = sentences
    return dict(vocabulary), splits
