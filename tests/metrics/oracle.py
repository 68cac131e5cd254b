"""A tiny VAE over a space of sentences that can be written down, computed a second time in numpy from its weights.

Nothing of `vaecli.model` or `vaecli.metrics` is used but the weights themselves: the LSTMs, the softmax, the Gaussians,
greedy and beam decoding are written out for one sentence at a time, without batches or padding.
"""

import itertools
import math

import numpy as np
from scipy.optimize import minimize

BOS, EOS = 1, 2


def sentences(words, longest):
    """Every sentence of 1 to `longest` of the words."""
    return [list(s) for n in range(1, longest + 1) for s in itertools.product(words, repeat=n)]


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _cell(weights, x, h, c):
    """One step of an LSTM for rows of inputs."""
    gates = x @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]
    gates = gates + h @ weights["weight_hh_l0"].T + weights["bias_hh_l0"]
    i, f, g, o = np.split(gates, 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


class Oracle:
    """A VAE or language model with LSTMs, from the `state_dict` of the model."""

    def __init__(self, model):
        self.w = {name: tensor.detach().double().numpy() for name, tensor in model.state_dict().items()}
        self.latent = model.latent_size if model.has_latent else 0

    def lstm(self, part):
        return {name.rsplit(".", 1)[1]: value for name, value in self.w.items() if name.startswith(f"{part}.lstm.")}

    def posterior(self, words):
        """(Z,) mean and log variance of one sentence."""
        hidden = self.w["encoder.lstm.weight_hh_l0"].shape[1]
        h = c = np.zeros((1, hidden))
        for word in [BOS, *words, EOS]:
            h, c = _cell(self.lstm("encoder"), self.w["encoder.embedding.weight"][[word]], h, c)
        return (h @ self.w["head.mean.weight"].T)[0], (h @ self.w["head.logvar.weight"].T)[0]

    def start(self, z):
        """The decoder's state for (M, Z) codes."""
        hidden = self.w["decoder.lstm.weight_hh_l0"].shape[1]
        if not self.latent:
            return np.zeros((len(z), hidden)), np.zeros((len(z), hidden))
        c = z @ self.w["decoder.initial.weight"].T
        return np.tanh(c), c

    def step(self, z, word, state):
        """(M, V) log probabilities of the next word, and the state."""
        embedded = np.repeat(self.w["decoder.embedding.weight"][[word]], len(z), 0)
        h, c = _cell(self.lstm("decoder"), np.concatenate([embedded, z], 1), *state)
        logits = h @ self.w["decoder.output.weight"].T + self.w.get("decoder.output.bias", 0)
        top = logits.max(1, keepdims=True)
        return logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True)), (h, c)

    def nll(self, words, z):
        """(M,) -log p(words </s> | z) at (M, Z) codes."""
        state, total, last = self.start(z), np.zeros(len(z)), BOS
        for word in [*words, EOS]:
            log_probs, state = self.step(z, last, state)
            total, last = total - log_probs[:, word], word
        return total

    def draw(self, z, uniform):
        """A sentence at one (Z,) code, word by word by inversion of its distribution function at uniform numbers."""
        words, last, state = [], BOS, self.start(z[None])
        for u in uniform:
            log_probs, state = self.step(z[None], last, state)
            p = np.exp(log_probs[0])
            p[[0, BOS]] = 0
            last = int(np.searchsorted(p.cumsum(), u * p.sum(), side="right"))
            if last == EOS:
                break
            words.append(last)
        return words

    def decode(self, z, longest, size):
        """The best sentence in a beam of `size` prefixes, at one (Z,) code; ended sentences stay in the beam."""
        beam = [(0.0, [], BOS, self.start(z[None]))]
        for position in range(longest + 1):
            grown = []
            for total, words, last, state in beam:
                if last == EOS:
                    grown.append((total, words, EOS, state))
                    continue
                log_probs, after = self.step(z[None], last, state)
                allowed = [EOS] if position == longest else [w for w in range(log_probs.shape[1]) if w not in (0, BOS)]
                for word in allowed:
                    kept = words if word == EOS else [*words, word]
                    grown.append((total + log_probs[0, word], kept, word, after))
            beam = sorted(grown, key=lambda item: -item[0])[:size]
        return beam[0][1]


def gaussian(z, mean, logvar):
    """(M,) log N(z; mean, exp(logvar)) of (M, Z) codes."""
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mean) ** 2 / np.exp(logvar)).sum(1)


def gaussian_kl(mean, logvar):
    """(Z,) KL(N(mean, exp(logvar)) || N(0, 1))."""
    return 0.5 * (mean**2 + np.exp(logvar) - logvar - 1)


def log_mean_exp(values):
    """Log of the mean of exp of a list."""
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values) / len(values))


def bleu4(hypotheses, references):
    """Corpus BLEU-4 with one reference a sentence (Papineni et al. 2002), every order having a match."""
    matches, counts = [0] * 4, [0] * 4
    for ours, theirs in zip(hypotheses, references, strict=True):
        for n in range(1, 5):
            grams = [tuple(ours[i : i + n]) for i in range(len(ours) - n + 1)]
            known = [tuple(theirs[i : i + n]) for i in range(len(theirs) - n + 1)]
            matches[n - 1] += sum(min(grams.count(g), known.count(g)) for g in set(grams))
            counts[n - 1] += len(grams)
    assert all(matches), "an order without a match would need smoothing"
    ours, theirs = (sum(map(len, side)) for side in (hypotheses, references))
    brevity = 1.0 if ours > theirs else math.exp(1 - theirs / ours)
    return 100 * brevity * math.exp(sum(math.log(m / c) for m, c in zip(matches, counts, strict=True)) / 4)


def at(posterior, draws):
    """(M, Z) codes of a Gaussian at standard normal draws."""
    mean, logvar = posterior
    return mean + np.exp(0.5 * logvar) * draws


def quadrature(count):
    """Nodes and weights of a Gaussian plane."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    weights = weights / math.sqrt(2 * math.pi)
    return np.array([(a, b) for a in nodes for b in nodes]), np.outer(weights, weights).flatten()


def standard(train, test, places):
    """Features of train and test, standardised by those at some places of train."""
    mean, spread = train[places].mean(0), train[places].std(0)
    return (train - mean) / spread, (test - mean) / spread


def regression(features, train, test, places):
    """Accuracy on test of a penalised multinomial regression on some places of train."""
    known, asked = (np.concatenate([part, np.ones((len(part), 1))], 1) for part in features)
    known, classes, count = known[places], train[places], int(train.max()) + 1
    hot = np.eye(count)[classes]

    def loss(flat):
        weight = flat.reshape(-1, count)
        logits = known @ weight
        top = logits.max(1, keepdims=True)
        log_p = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
        penalised = weight.copy()
        penalised[-1] = 0  # the bias is free
        gradient = known.T @ (np.exp(log_p) - hot) / len(classes) + penalised / len(classes)
        return -(hot * log_p).sum() / len(classes) + (penalised**2).sum() / (2 * len(classes)), gradient.flatten()

    best = minimize(loss, np.zeros(known.shape[1] * count), jac=True, method="BFGS", options={"gtol": 1e-7}).x
    return float(((asked @ best.reshape(-1, count)).argmax(1) == test).mean())
