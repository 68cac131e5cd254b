"""Each figure of the schema on a tiny VAE whose sentences are all written down, against a second computation in numpy.

The model is the real one, with LSTMs and two latent dimensions; its 62 sentences are all that two words make up to a
length of five, and the corpus is uniform over them, so that its entropy is log 62. `metrics.oracle` computes the model
anew from its weights, one sentence at a time; expectations over the latent are quadratures where the figure is of no
given noise. A column that is added to the schema without an expectation here fails.
"""

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from statistics import fmean, stdev, variance

import numpy as np
import pytest
import torch
from metrics.blocks import block_input
from metrics.oracle import (
    Oracle,
    at,
    bleu4,
    gaussian,
    gaussian_kl,
    log_mean_exp,
    quadrature,
    sentences,
)
from metrics.probe_twin import probe_figures
from sacrebleu.metrics.bleu import BLEU
from scipy.optimize import minimize
from support import split_of, tiny_batch, tiny_model

from vaecli.config import EvaluationConfig, build_config
from vaecli.corpus.types import UNK
from vaecli.metrics.columns.mi import batch_order
from vaecli.metrics.extras import gaps
from vaecli.metrics.extras.decoder_use import derangement
from vaecli.metrics.extras.registry import load_block
from vaecli.metrics.measure import evaluate
from vaecli.metrics.noise import sentence_noise
from vaecli.metrics.schema import COLUMNS
from vaecli.metrics.verdict import verdict
from vaecli.model.decoding import sampling_noise
from vaecli.objective import raw_terms
from vaecli.runs.reference_lm import lm_trainer, train_reference_lm

OF_THE_RUN = {
    *("experiment", "corpus", "method", "seed", "status", "split", "fingerprint", "protocol", "training_protocol"),
    *("variant", "versions"),
    *("kl_weight", "epochs", "steps", "parameters", "seconds", "tokens_per_second", "peak_memory_mb"),
}
"""Columns that no model and no text decide; what checks them stands in docs/metrics.md."""

OF_DISCRETE_CODES = ("code_perplexity", "codes_used")
"""Figures that the Gaussian codes here don't have; by brute force in tests/metrics/columns/test_discrete.py."""

FIGURES = [name for name in COLUMNS if name not in OF_THE_RUN]
"""The verdict among them, which is made from figures."""

SENTENCES = sentences([4, 5], 5)
RARE = [[UNK, *words[1:]] if words[0] == 4 else words for words in SENTENCES]
"""The sentences with the first word 4 unknown: words that a corpus of these sentences alone doesn't have."""

N, LONGEST, SEED, DRAWN, REC, IW = len(SENTENCES), 5, 3, 80, 3, 6
CPU = torch.device("cpu")

RAW_WORDS = sum(1 + words[1:].count(4) for words in SENTENCES)
"""As if type 4 began a word of the text and type 5 went on with one."""


class Uniform:
    entropy, entropy_se = math.log(N), 0.0

    def nll(self, split):
        return None


def labels(words):
    """The class of the first word, and the length."""
    return words[0] - 4, len(words) - 1


def labelled_split(listed):
    fields = [torch.tensor(column) for column in zip(*map(labels, listed), strict=True)]
    names = {"first": ("a", "b"), "length": ("1", "2", "3", "4", "5")}
    return replace(split_of(*listed), labels=dict(zip(names, fields, strict=True)), label_names=names)


def language_model(seed):
    return tiny_model("lm", seed=seed, vocabulary_size=6, init_range=1.0).double().eval()


@pytest.fixture(scope="module")
def world():
    """A model that has learned a little, the oracle's view of it, and the posteriors of all sentences."""
    model = tiny_model(seed=1, latent_size=2, vocabulary_size=6, init_range=0.5).double()
    batch, optimizer = tiny_batch(split=split_of(*SENTENCES)), torch.optim.Adam(model.parameters(), 0.03)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(150):
            optimizer.zero_grad()
            replace(raw_terms(model, batch), kl_weight=0.3).loss.backward()
            optimizer.step()
    optimizer.zero_grad()
    oracle = Oracle(model.eval())
    return model, oracle, [oracle.posterior(words) for words in SENTENCES]


def recipe():
    """Of the language model that reverse_ppl trains."""
    sizes = {"embedding_size": 4, "encoder_size": 4, "decoder_size": 6, "latent_size": 2}
    training = {"epochs": 1, "batch_size": 8, "device": "cpu"}
    return build_config({"model": sizes, "training": training, "evaluation": {"batch_size": 7}})


def block(model, iw_samples=IW, **options):
    return block_input(
        model,
        labelled_split(SENTENCES),
        train=labelled_split(SENTENCES * 20),
        seed=SEED,
        batch_size=7,
        iw_samples=iw_samples,
        rec_samples=REC,
        **options,
    )


@pytest.fixture(scope="module")
def figures(world):
    """Every figure as the program computes it."""
    model = world[0]
    config = EvaluationConfig(iw_samples=IW, batch_size=7, rec_samples=REC)
    split = replace(split_of(*SENTENCES), raw_words=RAW_WORDS)
    values = dict(evaluate(model, split, config, seed=SEED, device=CPU, truth=Uniform()).values)
    values["unknown"] = evaluate(model, split_of(*RARE), config, seed=SEED, device=CPU, full=False).values["unknown"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaps, "TEST_SAMPLES", 2000)
        values |= load_block("gaps")(block(model, iw_samples=2000)).values
        for name in ("dimensions", "decoder_use", "bleu", "probe"):
            values |= load_block(name)(block(model)).values
        trainer = lm_trainer(block(model).corpus, recipe(), CPU)
        for name in ("samples", "reverse_ppl"):
            asked = block(model, sentences=DRAWN, reference=language_model(5), train_lm=trainer)
            values |= load_block(name)(asked).values
    return values | {"verdict": verdict(values)}


@pytest.fixture(scope="module")
def expected(world):
    """Every figure by brute force, as (value, absolute tolerance)."""
    _, oracle, posteriors = world
    exact = bound_figures(oracle, posteriors) | decoder_figures(oracle, posteriors) | text_figures(oracle, posteriors)
    exact |= sample_figures(world) | gradient_figures(oracle, posteriors)
    close = {name: (value, 1e-6 * max(1, abs(value))) for name, value in exact.items()}
    close |= (
        gap_figures(oracle, posteriors)
        | probe_figures(posteriors, SENTENCES, labels, SEED)
        | dict.fromkeys(OF_DISCRETE_CODES, (None, 0.0))
    )
    return close | {"verdict": word({name: value for name, (value, _) in close.items()})}


def word(figures):
    """The verdict of a trial with a rate, informative or not: the rule once more, as docs/metrics.md has it."""
    if figures["rec"] > figures["tokens"] / N * math.log(6):
        return "worse than uniform"
    if min(figures["kl"], figures["mi"]) < 0.1:
        return "collapsed"
    if figures["z_gain_shuffled"] < 0.1:
        return "unused"
    if figures["mi"] > 0.95 * math.log(N):
        return "saturated"
    return "fake-rate" if figures["kl"] >= 1 and figures["mi"] < figures["kl"] / 4 else "informative"


def noise(purpose, samples=1):
    """(samples, N, 2) of each sentence's own stream."""
    return sentence_noise(SEED, purpose, torch.arange(N), samples, 2).numpy()


def error(values):
    return stdev(values) / math.sqrt(len(values))


PRIOR = (np.zeros(2), np.zeros(2))


def bound_figures(oracle, posteriors):
    draws, iw_draws = noise("rec", REC), noise("iw", IW)
    rec, kl, iw, z = [], [], [], []
    for n, (words, q) in enumerate(zip(SENTENCES, posteriors, strict=True)):
        rec.append(float(oracle.nll(words, at(q, draws[:, n])).mean()))
        kl.append(float(gaussian_kl(*q).sum()))
        codes = at(q, iw_draws[:, n])
        weights = gaussian(codes, *PRIOR) - gaussian(codes, *q) - oracle.nll(words, codes)
        iw.append(-log_mean_exp(weights.tolist()))
        z.append(at(q, draws[:1, n]))
    own = [float(gaussian(z[n], *posteriors[n])[0]) for n in range(N)]
    mixture = [[float(gaussian(code, *q)[0]) for q in posteriors] for code in z]
    mi = [own[n] - log_mean_exp(mixture[n]) for n in range(N)]
    marginal = [log_mean_exp(mixture[n]) - float(gaussian(z[n], *PRIOR)[0]) for n in range(N)]
    elbo = [r + k for r, k in zip(rec, kl, strict=True)]
    tokens = sum(len(words) + 1 for words in SENTENCES)
    order = batch_order(N, SEED).tolist()
    batches = {n: order[:32] if n in order[:32] else order[32:] for n in order}
    return {
        "sentences": N,
        "tokens": tokens,
        "vocabulary": 6,  # <pad>, <s>, </s>, <unk> and two words
        "unknown": sum(words.count(UNK) for words in RARE) / sum(map(len, RARE)),
        "rec": fmean(rec),
        "kl": fmean(kl),
        "neg_elbo": fmean(elbo),
        "iw_nll": fmean(iw),
        "iw_samples": IW,
        "ppl_elbo": math.exp(sum(elbo) / tokens),
        "ppl_iw": math.exp(sum(iw) / tokens),
        "ppl_word": math.exp(sum(iw) / (RAW_WORDS + N)),
        "mi": fmean(mi),
        "mi_se": error(mi),
        "mi_ceiling": math.log(N),
        "mi_batch": fmean(own[n] - log_mean_exp([mixture[n][m] for m in batches[n]]) for n in range(N)),
        "marginal_kl": fmean(marginal),
        "au": sum(variance([float(q[0][i]) for q in posteriors]) > 0.01 for i in range(2)),
        "excess_nll": fmean(iw) - math.log(N),
        "excess_nll_se": error(iw),
        "rec_se": error(rec),
        "kl_se": error(kl),
        "neg_elbo_se": error(elbo),
        "iw_nll_se": error(iw),
    }


def decoder_figures(oracle, posteriors):
    own = [at(q, draw[None])[0] for q, draw in zip(posteriors, noise("rec")[0], strict=True)]
    codes = {
        "prior": list(noise("decoder_use")[0]),
        "shuffled": [own[n] for n in derangement(N, SEED).tolist()],
        "zero": [np.zeros(2)] * N,
    }
    values = {}
    for source, others in codes.items():
        nll = [
            float(np.diff(oracle.nll(w, np.stack([z, o])))[0]) for w, z, o in zip(SENTENCES, own, others, strict=True)
        ]
        values |= {f"z_gain_{source}": fmean(nll), f"z_gain_{source}_se": error(nll)}
    return values


def text_figures(oracle, posteriors):
    greedy, beam = ([oracle.decode(mean, LONGEST, size) for mean, _ in posteriors] for size in (1, 5))
    same = fmean(ours == theirs for ours, theirs in zip(greedy, SENTENCES, strict=True))
    return {"bleu": bleu4(greedy, SENTENCES), "bleu_beam": bleu4(beam, SENTENCES), "exact_match": same}


def drawn_sentences(oracle, count):
    places = torch.arange(count)
    codes = sentence_noise(SEED, "prior", places, 1, 2)[0].numpy()
    uniform = sampling_noise(SEED, places, LONGEST).numpy()
    return [oracle.draw(z, row) for z, row in zip(codes, uniform, strict=True)]


def perplexity(model, listed):
    nll = [float(Oracle(model).nll(words, np.zeros((1, 0)))[0]) for words in listed]
    return math.exp(sum(nll) / sum(len(words) + 1 for words in listed))


def sample_figures(world):
    model, oracle, _ = world
    drawn = drawn_sentences(oracle, DRAWN)
    lines = [" ".join(map(str, words)) for words in drawn if words]
    scorer = BLEU(tokenize="none", effective_order=True)
    scores = [scorer.sentence_score(line, lines[:n] + lines[n + 1 :]).score for n, line in enumerate(lines)]
    pairs = Counter(pair for words in drawn for pair in pairwise(words))
    singles = Counter(word for words in drawn for word in words)
    reverse = train_reference_lm(drawn, block(model).corpus, recipe(), SEED)
    return {
        "forward_ppl": perplexity(language_model(5), drawn),
        "reverse_ppl": perplexity(reverse, SENTENCES),
        "self_bleu": fmean(scores),
        "distinct_1": len(singles) / singles.total(),
        "distinct_2": len(pairs) / pairs.total(),
        "unique_samples": len(set(map(tuple, drawn))) / DRAWN,
    }


def gradient_figures(oracle, posteriors, h=1e-5):
    """Gradients by central differences at the same noise."""
    draws = noise("gradients", 32)
    signal, spread = [], []
    for n, (words, (mean, logvar)) in enumerate(zip(SENTENCES, posteriors, strict=True)):
        columns = []
        for i in range(4):
            shift = np.zeros(4)
            shift[i] = h
            ends = []
            for sign in (1, -1):
                q = mean + sign * shift[:2], logvar + sign * shift[2:]
                ends.append(oracle.nll(words, at(q, draws[:, n])) + gaussian_kl(*q).sum())
            columns.append((ends[0] - ends[1]) / (2 * h))
        spread.append(sum(variance(column.tolist()) for column in columns))
        signal.append(sum(float(column.mean()) ** 2 for column in columns) - spread[-1] / 32)
    ratio = fmean(signal) / fmean(spread)
    left = [(s - ratio * v) / fmean(spread) for s, v in zip(signal, spread, strict=True)]
    return {"gradient_snr": ratio, "gradient_snr_se": error(left)}


def gap_figures(oracle, posteriors):
    """The gaps themselves: expectations by quadrature and the best Gaussian by a quasi-Newton method.

    The program finds the best Gaussian by noisy updates and measures with 2,000 samples, hence the tolerances.
    """
    nodes, weights = quadrature(10)
    fine, fine_weights = quadrature(60)
    gained, left = [], []
    for words, q in zip(SENTENCES, posteriors, strict=True):

        def neg_elbo(flat, words=words):
            pair = flat[:2], flat[2:]
            return float(weights @ oracle.nll(words, at(pair, nodes)) + gaussian_kl(*pair).sum())

        start = np.concatenate(q)
        best = minimize(neg_elbo, start, method="L-BFGS-B", options={"maxiter": 40}).fun
        log_p = math.log(float(fine_weights @ np.exp(-oracle.nll(words, fine))))
        gained.append(neg_elbo(start) - best)
        left.append(best + log_p)
    both = [a + b for a, b in zip(gained, left, strict=True)]
    values = {"amortisation_gap": gained, "approximation_gap": left, "inference_gap": both}
    means = {name: (fmean(v), 0.02) for name, v in values.items()}
    return means | {f"{name}_se": (error(v), 0.2 * error(v) + 0.005) for name, v in values.items()}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_that_of_brute_force(name, figures, expected):
    assert name in expected, f"{name} is in the schema, and nothing here computes it by brute force"
    if name == "verdict":
        assert figures[name] == expected[name]
        return
    value, tolerance = expected[name]
    if value is None:
        assert figures[name] is None
        return
    assert figures[name] == pytest.approx(value, rel=0, abs=tolerance)


def test_the_model_is_worth_checking(figures, expected):
    """The figures are far enough from 0 and from one another for a mistake to show."""
    assert set(expected) == set(FIGURES)
    assert figures["kl"] > 0.3
    assert figures["mi"] > 0.1
    assert figures["au"] >= 1
    assert figures["z_gain_shuffled"] > 0.1
    assert figures["amortisation_gap"] > 0.1
    assert figures["rec"] > figures["iw_nll"] - figures["kl"]
    assert figures["unknown"] == pytest.approx(31 / 258)  # half of the sentences; 2 + 8 + 24 + 64 + 160 words
    numbers = [figures[name] for name in FIGURES if name != "verdict" and figures[name] is not None]
    assert len({round(number, 6) for number in numbers}) > 40
