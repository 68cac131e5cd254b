"""The VAE that joins encoder, posterior, prior and decoder, and the parts that a remedy may change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from vaecli.config import ModelConfig
from vaecli.core.errors import UsageError
from vaecli.core.seeds import stable_seed as stable_seed
from vaecli.corpus.types import Batch
from vaecli.kernels.output import OutputLayer
from vaecli.model.bound import bound_terms
from vaecli.model.decoder import Decoder, LSTMDecoder, LSTMOutputDecoder
from vaecli.model.encoder import Encoder, Encoding, LSTMEncoder
from vaecli.model.frozen import frozen, without_dropout
from vaecli.model.oracle_decoder import OracleDecoder
from vaecli.model.posterior import GaussianHead, Posterior, PosteriorHead
from vaecli.model.prior import Prior, StandardNormal

Noise = Callable[[int], Tensor]
"""Gives (1, B, size) standard normal noise for a size."""


class Bound:
    """Maps a posterior of a batch to its per-sentence -ELBO (B,) at KL weight 1: the same function at every call.

    The noise of its one sample is drawn at the first call and stays, dropout and corruption of the decoder's input are
    off. Its gradient in the posterior's tensors doesn't form gradients of the weights unless they are asked for.

    Args:
        model: The VAE.
        batch: B sentences.
        noise: Where the noise comes from; by default torch's global generator.
    """

    def __init__(self, model: VAE, batch: Batch, noise: Noise | None = None) -> None:
        self.model, self.batch, self.noise = model, batch, noise
        self._drawn: Tensor | None = None

    def __call__(self, posterior: Posterior, weights: bool = False) -> Tensor:
        """(B,) nats per sentence; `weights`: differentiable in the weights too."""
        model, mean = self.model, posterior.mean
        if self._drawn is None:
            self._drawn = self._draw(posterior.noise_size, mean)
        still = nullcontext() if weights else frozen(model.decoder, model.prior)
        with without_dropout(model.decoder, model.input_noise), still:
            z = posterior.sample(self._drawn).squeeze(0)
            return bound_terms(posterior, model.prior, z, partial(model.nll, batch=self.batch)).total

    def _draw(self, numbers: int, like: Tensor) -> Tensor:
        """(1, B, numbers)."""
        size = (1, self.batch.size, numbers)
        drawn = torch.randn(size, device=like.device) if self.noise is None else self.noise(numbers)
        return drawn.to(like)

    def apart(self, posterior: Posterior, count: int) -> list[Bound]:
        """So many bounds of the batch, each with noise of its own, for steps that must not fit one noise."""
        size = posterior.noise_size
        parts = self._draw(count * size, posterior.mean).chunk(count, -1)
        bounds = [Bound(self.model, self.batch, self.noise) for _ in parts]
        for bound, part in zip(bounds, parts, strict=True):
            bound._drawn = part
        return bounds

    @property
    def weights(self) -> list[nn.Parameter]:
        """The trainable parameters that it depends on."""
        return [p for part in (self.model.decoder, self.model.prior) for p in part.parameters() if p.requires_grad]


Refine = Callable[[Posterior, Bound], Posterior]
"""Refines the encoder's posterior, for remedies that do so."""


class CleanInput(nn.Module):
    """Decoder input as it is: ``<s> w_1 ... w_n``."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T) unchanged."""
        return inputs


@dataclass(frozen=True)
class Shape:
    """The sizes that parts are built for.

    Attributes:
        vocabulary_size: Word types V.
        train_sentences: Sentences of the train split.
        model: The settings of the model.
    """

    vocabulary_size: int
    train_sentences: int
    model: ModelConfig


@dataclass(frozen=True)
class Parts:
    """The pieces of a VAE; a remedy's `build` returns a copy with some replaced.

    Attributes:
        shape: What they are built for.
        encoder: None for a language model.
        head: None for a language model.
        prior: p(z).
        decoder: p(x|z).
        input_noise: Corrupts the decoder's input, (B, T) to (B, T), in training mode.
        encoder_noise: Corrupts the batch that the encoder reads, in training mode; None leaves it.
        aux: Modules that a remedy brings, by the remedy's name: critics, multipliers, adapted weights.
    """

    shape: Shape
    encoder: Encoder | None
    head: PosteriorHead | None
    prior: Prior
    decoder: Decoder
    input_noise: nn.Module = field(default_factory=CleanInput)
    encoder_noise: nn.Module | None = None
    aux: Mapping[str, nn.Module] = field(default_factory=dict)


def vanilla_parts(shape: Shape) -> Parts:
    """The parts of the vanilla VAE: LSTM encoder, diagonal Gaussian, N(0, I), the decoder of the settings."""
    m, v = shape.model, shape.vocabulary_size
    encoder = LSTMEncoder(v, m.embedding_size, m.encoder_size)
    if m.decoder == "oracle":
        decoder: Decoder = OracleDecoder(v, m.latent_size)
    else:
        kind = LSTMDecoder if m.decoder == "lstm" else LSTMOutputDecoder
        decoder = kind(v, m.embedding_size, m.decoder_size, m.latent_size, m.embedding_dropout, m.output_dropout)
    return Parts(
        shape=shape,
        encoder=encoder,
        head=GaussianHead(encoder.feature_size, m.latent_size),
        prior=StandardNormal(m.latent_size),
        decoder=decoder,
    )


class OwnModules(nn.ModuleDict):
    """The remedies' own modules by name, also by one that a module has for something of its own, such as ``half``."""

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """Takes a module in; its name is a remedy's, which has no point in it."""
        self._modules[name] = module  # type: ignore[assignment]


class VAE(nn.Module):
    """A text VAE, or a language model where there is no encoder.

    Args:
        parts: Its pieces.
        refine: Refines the encoder's posterior in training and evaluation alike; None leaves it.
    """

    def __init__(self, parts: Parts, refine: Refine | None = None) -> None:
        super().__init__()
        self.encoder, self.head = parts.encoder, parts.head
        self.prior, self.decoder = parts.prior, parts.decoder
        self.input_noise, self.encoder_noise = parts.input_noise, parts.encoder_noise
        self.aux = OwnModules(dict(parts.aux))
        self.shape = parts.shape
        self.refine = refine

    @property
    def has_latent(self) -> bool:
        """False for a language model."""
        return self.head is not None

    @property
    def latent_size(self) -> int:
        """Dimensions Z; 0 for a language model."""
        return self.decoder.latent_size

    def encode(self, batch: Batch) -> Encoding:
        """The encoder's view of the batch, corrupted in training where a remedy says so."""
        assert self.encoder is not None
        seen = self.encoder_noise(batch) if self.encoder_noise is not None else batch
        encoding: Encoding = self.encoder(seen)
        return encoding

    def posterior(self, batch: Batch, encoding: Encoding | None = None, noise: Noise | None = None) -> Posterior:
        """q(z|x) of the batch, refined where a remedy does so.

        Args:
            batch: The sentences.
            encoding: Of them, if it is there already.
            noise: For the bound that a refinement follows; by default from torch's global generator.

        Raises:
            UsageError: A remedy's head gives something else.
        """
        assert self.head is not None
        posterior = self.head(self.encode(batch) if encoding is None else encoding)
        if not isinstance(posterior, Posterior):
            kind, got = type(self.head), type(posterior).__name__
            raise UsageError(
                f"the head {kind.__module__}.{kind.__qualname__} gives {got} and has to return a Posterior"
            )
        if self.refine is None:
            return posterior
        return self.refine(posterior, Bound(self, batch, noise))

    def token_nll(self, z: Tensor, batch: Batch) -> Tensor:
        """(B, T) -log p(w_t | w_<t, z) in nats, 0 at padding, for (B, Z) codes."""
        return self.decoder.token_nll(z, self.input_noise(batch.inputs), batch)

    def nll(self, z: Tensor, batch: Batch) -> Tensor:
        """-log p(x|z) in nats per sentence: (B,) for (B, Z) codes, (S, B) for (S, B, Z)."""
        if z.dim() == 2:
            return self.token_nll(z, batch).sum(1)
        return torch.stack([self.token_nll(one, batch).sum(1) for one in z])

    @property
    def parameter_count(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def initialise(model: nn.Module, config: ModelConfig, seed: int) -> None:
    """Initialises every module from its own stream, so that modules that two methods share start equal.

    A module that another holds as `wrapped` starts as it would alone; a part with `fixed_weights` keeps them.

    Args:
        model: Its modules with `reset_parameters` are initialised anew.
        config: `init_range` and `embedding_init_range` replace torch's own rule where they are set.
        seed: The run's seed.
    """
    with torch.random.fork_rng(devices=[]):
        fixed = {
            id(part)
            for module in model.modules()
            if getattr(module, "fixed_weights", False)
            for part in module.modules()
        }
        for name, module in model.named_modules():
            reset = getattr(module, "reset_parameters", None)
            if reset is None or id(module) in fixed:
                continue
            torch.manual_seed(stable_seed(seed, "init", name.replace("wrapped.", "")))
            reset()
            _override(module, config)


@torch.no_grad()
def _override(module: nn.Module, config: ModelConfig) -> None:
    if isinstance(module, nn.Embedding):
        if config.embedding_init_range is not None:
            module.weight.uniform_(-config.embedding_init_range, config.embedding_init_range)
            if module.padding_idx is not None:
                module.weight[module.padding_idx] = 0
    elif isinstance(module, nn.Linear | nn.LSTM | nn.Conv1d | OutputLayer) and config.init_range is not None:
        for parameter in module.parameters(recurse=False):
            parameter.uniform_(-config.init_range, config.init_range)
