"""Padding, batch size, order of batches and scoring one by one leave every figure of every sentence as it is."""

import pytest
import torch
from metrics.blocks import block_input
from support import scoring, split_of, tiny_model

from vaecli.corpus.batches import evaluation_batches
from vaecli.metrics import scoring as scoring_module
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.columns.iw import importance_weighted_nll
from vaecli.metrics.columns.mi import mutual_information
from vaecli.metrics.extras.decoder_use import code_losses, make_codes
from vaecli.metrics.extras.game.payoff import map_features, measure
from vaecli.metrics.extras.gaps import measure_gaps
from vaecli.metrics.extras.gradients import gradient_noise
from vaecli.metrics.extras.text.reconstruction import posterior_means, reconstruct

SPLIT = split_of([4], [5, 6, 7, 8, 9, 10], [11, 4], [6] * 25, [7, 7, 5], [8], [9, 10, 11, 4, 5], [10, 5])
"""Lengths 1 to 25: in one batch, a word is followed by two dozen symbols of padding."""

METHODS = (
    *(
        "vanilla",
        "lm",
        "ae",
        "bn",
        "bn_scale",
        "delta",
        "du",
        "vmf",
        "mog",
        "iaf",
        "pooling",
        "skip",
        "cnn",
        "lipschitz",
    ),
    *("historyless", "word_dropout", "denoising", "semi_amortized", "hr", "twr"),
)
"""All that differ from vanilla in encoder, posterior, prior, decoder or inference."""


def figures(method, batch_size):
    """(N, ...) figures of every sentence by name."""
    model = tiny_model(method, init_range=0.8).double()
    how = scoring(SPLIT, batch_size, seed=2)
    terms = elbo_terms(model, how, rec_samples=2)
    tensors = {"rec": terms.rec, "kl": terms.kl, "z": terms.z}
    if terms.posterior is not None and terms.posterior.has_density:
        tensors["iw"] = importance_weighted_nll(model, how, terms.posterior, 5)
    if terms.posterior is not None:
        tensors["mi"] = mutual_information(terms.posterior, terms.z).terms
        losses = code_losses(model, how, make_codes(model, how))
        tensors |= {f"nll {source}": loss.sentence for source, loss in losses.items()}
        tensors["mean"] = posterior_means(model, how)
    return {name: value for name, value in tensors.items() if value is not None}


def same(tensors, expected):
    assert set(tensors) == set(expected)
    for name, value in expected.items():
        assert torch.allclose(tensors[name], value, rtol=0, atol=1e-9), name


@pytest.mark.parametrize("method", METHODS)
def test_figures_of_every_sentence(method, monkeypatch):
    together = figures(method, len(SPLIT))
    same(figures(method, 1), together)
    same(figures(method, 3), together)
    monkeypatch.setattr(scoring_module, "evaluation_batches", backwards)
    same(figures(method, 3), together)


def backwards(split, size):
    return [index.flip(0) for index in evaluation_batches(split, size)][::-1]


def further_figures(batch_size):
    """Those of the evaluations that work sentence by sentence too."""
    model = tiny_model("slvae", init_range=0.8).double()
    how = scoring(SPLIT, batch_size, seed=2)
    terms = elbo_terms(model, how)
    noise = gradient_noise(model, how, terms.posterior)
    gap = measure_gaps(model, how, terms.posterior, 5).by_name
    block = block_input(model, SPLIT, method="slvae", batch_size=batch_size, iw_samples=5, seed=2)
    cells, _ = measure(block, terms, terms.posterior, terms.z)
    return {
        **{"signal": noise.signal, "noise": noise.noise},
        **{"log p": cells.log_prob, "prior": cells.prior, "marginal": cells.marginal},
        "label": map_features(block, model.aux["slvae"]),
        **gap,
    }


def test_figures_of_the_further_evaluations(monkeypatch):
    together = further_figures(len(SPLIT))
    same(further_figures(1), together)
    monkeypatch.setattr(scoring_module, "evaluation_batches", backwards)
    same(further_figures(3), together)


def test_reconstructions_are_those_of_one_by_one():
    model = tiny_model(init_range=0.8).double()
    together = reconstruct(model, scoring(SPLIT, 12), 9, 3)
    assert reconstruct(model, scoring(SPLIT, 1), 9, 3) == together
    assert len(set(map(tuple, together))) > 1
