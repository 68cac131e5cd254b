"""A linear-Gaussian VAE whose every figure is known: p(z) = N(0, 1), p(x|z) = N(x; z, 1), q(z|x) = N(ax, s^2).

A sentence is one word, whose id stands for a real number x; ``</s>`` is certain.
"""

import math

import torch
from support import tiny_shape

from vaecli.corpus.types import Split
from vaecli.kernels.output import OutputLayer
from vaecli.model.decoder import Decoder
from vaecli.model.encoder import Encoder, Encoding
from vaecli.model.posterior import DiagonalGaussian, PosteriorHead
from vaecli.model.prior import StandardNormal
from vaecli.model.vae import VAE, Parts

CPU = torch.device("cpu")


class _Encoder(Encoder):
    feature_size = 1

    def __init__(self, values):
        super().__init__()
        self.register_buffer("values", values)

    def forward(self, batch):
        features = self.values[batch.tokens[:, 1] - 4].unsqueeze(1)
        return Encoding(features, features.unsqueeze(1), batch.lengths + 1)


class _Head(PosteriorHead):
    def __init__(self, slope, scale):
        super().__init__()
        self.slope, self.scale = slope, scale

    def forward(self, encoding):
        mean = self.slope * encoding.features
        return DiagonalGaussian(mean, torch.full_like(mean, 2 * math.log(self.scale)))


class _Decoder(Decoder):
    latent_size = 1

    def __init__(self, values):
        super().__init__()
        self.output = OutputLayer(1, len(values) + 4)
        self.register_buffer("values", values)

    def hidden(self, z, inputs):
        return z.unsqueeze(1).expand(-1, inputs.shape[1], -1)

    def token_nll(self, z, inputs, batch):
        x = self.values[batch.targets[:, 0] - 4]
        word = 0.5 * (x - z[:, 0]) ** 2 + 0.5 * math.log(2 * math.pi)
        return torch.stack([word, torch.zeros_like(word)], 1)


def linear_gaussian(numbers, slope=0.5, scale=0.5**0.5):
    """The model in float64 and its split, a sentence a number; the defaults make q the true posterior N(x/2, 1/2)."""
    values = torch.tensor(numbers, dtype=torch.float64)
    parts = Parts(tiny_shape(1), _Encoder(values), _Head(slope, scale), StandardNormal(1), _Decoder(values))
    words = torch.arange(4, 4 + len(numbers), dtype=torch.int32)
    return VAE(parts).double(), Split("test", words, torch.arange(len(numbers) + 1), raw_words=len(numbers))


def true_nll(x):
    """-log N(x; 0, 2), the exact -log p(x)."""
    return 0.5 * math.log(4 * math.pi) + x * x / 4
