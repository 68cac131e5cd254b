"""What is measured: our session and the reference on the same weights, and the proof that both do the same sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from experiments.benchmarks.reference import (
    ReferenceTrainer,
    ReferenceVAE,
    equal_length_batch,
    equal_length_groups,
)
from experiments.benchmarks.shapes import Shapes, spread
from vaecli.core.errors import VaeError
from vaecli.corpus.types import Corpus, Split, collate
from vaecli.kernels.arithmetic import arithmetic, resolve_precision
from vaecli.model.posterior import DiagonalGaussian, gaussian_kl
from vaecli.remedies import make_method
from vaecli.training.build import build_model
from vaecli.training.session import TrainingSession

PUBLISHED_OUTPUT = 10_000 * 256
"""Numbers in the output layer at the smaller of the measured shapes, for what ``auto`` precision depends on."""

AGREEMENT = 1e-3
"""Nats per sentence by which the two may differ on equal weights."""


class UnequalWorkError(RuntimeError):
    """Reference and ours don't compute the same figure, so that a comparison of their speed would mean nothing."""


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes:
        device: ``cpu`` or ``cuda``.
        precision: Of our training.
        quick: Less work and fewer repeats.
        repeats: Timed pairs of a row.
        threads: 0 leaves torch's own choice.
        against: A revision of this program to compare with; none without.
        build_folder: Where its files go.
        revision: Of this program; without, what git says.
    """

    device: str = "cpu"
    precision: str = "auto"
    quick: bool = False
    repeats: int = 5
    threads: int = 0
    against: str = ""
    build_folder: Path = Path("build/benchmarks")
    revision: str = ""

    @property
    def torch_device(self) -> torch.device:
        """The device."""
        return torch.device(self.device)

    @property
    def resolved_precision(self) -> str:
        """``fp32`` or ``bf16``."""
        return resolve_precision(self.precision, self.torch_device, PUBLISHED_OUTPUT)

    @property
    def suffix(self) -> str:
        """Added to the names of rows that a GPU measured."""
        return "" if self.device == "cpu" else f"-{self.device}"


def can_train(precision: str, device: torch.device) -> bool:
    """Whether torch has an LSTM of this arithmetic for this machine; a CPU without AVX-512 has none in bf16."""
    try:
        with arithmetic(resolve_precision(precision, device, PUBLISHED_OUTPUT), device):
            lstm, words = nn.LSTM(8, 8).to(device), torch.zeros(2, 2, 8, device=device)
            lstm(words)[0].float().sum().backward()
    except (RuntimeError, VaeError):
        return False
    return True


def make_session(shapes: Shapes, corpus: Corpus, options: Options, method: str = "vanilla") -> TrainingSession:
    """Our session of a method, its model in training mode."""
    size = shapes.vocabulary_size * shapes.model.decoder_size
    config = shapes.run_config(options.device, resolve_precision(options.precision, options.torch_device, size), method)
    composed = make_method(method)
    model = build_model(composed, len(corpus.vocabulary), len(corpus.train), config).to(options.torch_device)
    model.train()
    return TrainingSession(model, composed, corpus, config, options.torch_device)


def make_reference(session: TrainingSession) -> ReferenceVAE:
    """The reference with the weights of our session's model."""
    reference = ReferenceVAE(session.model.shape.vocabulary_size, session.config.model).to(session.device)
    reference.copy_weights(session.model)
    return reference


def reference_trainer(session: TrainingSession) -> ReferenceTrainer:
    """The reference's update with our weights and settings."""
    return ReferenceTrainer(make_reference(session), session.config.training)


@torch.no_grad()
def disagreement(session: TrainingSession, reference: ReferenceVAE, split: Split, places: Sequence[int]) -> float:
    """The largest difference in -ELBO, mean or logvar of any sentence, without dropout.

    Ours sees the sentences in one padded batch, with and without gradients, the reference one by one.

    Args:
        session: Ours.
        reference: With the same weights.
        split: The sentences' split.
        places: Which sentences.
    """
    modes = session.model.training, reference.training
    session.model.eval()
    reference.eval()
    batch = collate(split, torch.tensor(places)).to(session.device)
    posterior = session.model.posterior(batch)
    assert isinstance(posterior, DiagonalGaussian)
    z = posterior.mean + (0.5 * posterior.logvar).exp()
    kl = gaussian_kl(posterior.mean, posterior.logvar).sum(1)
    scored = session.model.nll(z, batch) + kl
    with torch.enable_grad():
        trained = session.model.nll(z, batch).detach() + kl
    differences = []
    for row, index in enumerate(places):
        x = equal_length_batch(split, [index]).to(session.device)
        mean, logvar = reference.posterior(x)
        expected = reference.neg_elbo(x, torch.ones_like(mean))
        differences += [(expected - own[row]).abs().max() for own in (scored, trained)]
        differences += [(mean - posterior.mean[row]).abs().max(), (logvar - posterior.logvar[row]).abs().max()]
    session.model.train(modes[0])
    reference.train(modes[1])
    return float(torch.stack(differences).max())


def check_equal_work(session: TrainingSession, reference: ReferenceVAE, split: Split, count: int = 8) -> float:
    """`disagreement` on sentences of all lengths.

    Raises:
        UnequalWorkError: It is above `AGREEMENT`.
    """
    order = split.lengths.argsort(stable=True)
    step = max(1, len(order) // count)
    worst = disagreement(session, reference, split, order[step // 2 :: step][:count].tolist())
    if not worst <= AGREEMENT:
        raise UnequalWorkError(
            f"reference and ours differ by {worst:.2g} nats on equal weights (at most {AGREEMENT:g})"
        )
    return worst


def our_batches(session: TrainingSession, count: int) -> list[Tensor]:
    """Places of the sentences of `count` batches that stand for an epoch."""
    train = session.corpus.train
    return [torch.tensor(places) for places in spread(session.batches.epoch(0), train.lengths, count)]


def reference_batches(split: Split, size: int, count: int, device: torch.device) -> list[Tensor]:
    """`count` of the reference's batches that stand for a split, ready on the device as published code holds them."""
    groups = spread(equal_length_groups(split, size), split.lengths, count)
    return [equal_length_batch(split, places).to(device) for places in groups]


def predicted(batches: Sequence[Tensor]) -> int:
    """Predicted tokens of the reference's batches."""
    return sum(x.shape[0] * (x.shape[1] - 1) for x in batches)


def train_ours(session: TrainingSession, batches: Sequence[Tensor]) -> None:
    """Our updates on some batches, with what the training loop does around each."""
    for places in batches:
        batch = collate(session.corpus.train, places).to(session.device)
        loss = session.step(batch).loss.detach()
        session.clock = session.clock.advance()
        if session.device.type == "cpu":  # the loop looks at every loss on a CPU, and now and then on a GPU
            loss.item()
