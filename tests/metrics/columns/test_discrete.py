"""Discrete codes: which classes are used and what a variable tells, against a second computation and by hand."""

import math
from collections import Counter

import pytest
import torch
from metrics.blocks import block_input
from support import tiny_model, tiny_split

from vaecli.metrics.columns.au import INFORMATION, active
from vaecli.metrics.columns.discrete import class_shares, variable_information
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.extras.dimensions import dimensions_block
from vaecli.metrics.inference import wide_prior
from vaecli.metrics.measure import evaluate
from vaecli.model.categorical import CategoricalPosterior, Classes, UniformClasses
from vaecli.model.codebook import Codebook, QuantisedCode
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.prior import StandardNormal

LAYOUT = Classes(variables=2, classes=2, temperature=1.0)


def categorical(probabilities):
    probs = torch.tensor(probabilities, dtype=torch.float64)
    return CategoricalPosterior(probs, probs.log(), LAYOUT)


def test_the_information_of_a_variable_by_hand():
    # the first variable has 0.9 for one class and then for the other: log 2 - H(0.1) = 0.6931472 - 0.3250830; the
    # second has 0.75 always and tells nothing
    q = categorical([[0.9, 0.1, 0.75, 0.25], [0.1, 0.9, 0.75, 0.25]])
    assert variable_information(q, UniformClasses(LAYOUT)).tolist() == pytest.approx([0.3680642, 0.0], abs=1e-7)
    assert active(q, UniformClasses(LAYOUT)) == 1
    assert variable_information(DiagonalGaussian(q.mean, q.mean), StandardNormal(4)) is None


def test_the_threshold_is_what_a_gaussian_dimension_tells_at_that_of_active_units():
    # I = log(1 / (1 - v)) / 2 for a mean of variance v of a code of variance 1
    assert pytest.approx(0.0050252, abs=1e-7) == INFORMATION
    for shift, units in ((0.049, 0), (0.051, 1)):  # I of 1/2 +- d is about 2 d^2: 0.0048 and 0.0052
        q = categorical([[0.5 + shift, 0.5 - shift, 0.5, 0.5], [0.5 - shift, 0.5 + shift, 0.5, 0.5]])
        assert active(q, UniformClasses(LAYOUT)) == units


def test_one_entry_for_all_is_no_active_variable_and_one_sentence_has_no_count():
    book = Codebook(4, 2, 3, 0.9)
    book.codebook.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]]))
    h = torch.tensor([[0.1, 0.0, 0.0, 4.0], [0.9, 0.0, 0.0, 4.0], [0.1, 0.1, 0.0, 4.0], [1.1, 0.0, 0.0, 4.0]])
    q = QuantisedCode(book.entry(book.nearest(h)), h)
    assert class_shares(q, book).tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    assert variable_information(q, book).tolist() == pytest.approx([math.log(2), 0.0])
    assert active(q, book) == 1
    assert active(QuantisedCode(q.mean[:1], h[:1]), book) is None


@pytest.mark.parametrize(("method", "hyper"), [("vq", {"entries": 5, "positions": 2}), ("di", {"classes": 3})])
def test_use_by_brute_force(method, hyper):
    model, split = tiny_model(method, {method: hyper}, init_range=1.0), tiny_split(30)
    block = block_input(model, split, method=method, hyper={method: hyper})
    code_use = dimensions_block(block).values
    posterior, prior = elbo_terms(model, block.scoring).posterior, wide_prior(model)
    powers, used, told = [], [], 0
    for m in range(prior.index(posterior.mean).shape[1]):
        column = prior.index(posterior.mean)[:, m].tolist()
        used.append(len(set(column)))
        if method == "vq":
            shares, within = [count / 30 for count in Counter(column).values()], 0.0
        else:
            rows = posterior.mean.reshape(30, -1, 3)[:, m].tolist()
            shares = [sum(row[c] for row in rows) / 30 for c in range(3)]
            within = -sum(p * math.log(p) for row in rows for p in row) / 30
        entropy = -sum(share * math.log(share) for share in shares)
        powers.append(math.exp(entropy))
        told += entropy - within > -0.5 * math.log(0.99)
    assert code_use["code_perplexity"] == pytest.approx(sum(powers) / len(powers), abs=1e-9)
    assert code_use["codes_used"] == pytest.approx(sum(used) / len(used))
    figures = evaluate(model, split, block.config, seed=0, device=torch.device("cpu"), full=False).values
    assert figures["au"] == told <= len(used)
