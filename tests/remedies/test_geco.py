"""Laws of GECO: its trajectory by hand, its fixed point, its signs, its bounds, and a kappa from the first epochs."""

import math

import pytest
import torch
from support import clock, make_terms, tiny_shape

from vaecli.core.errors import UsageError
from vaecli.remedies import make_method
from vaecli.remedies.geco import GECO, ConstraintMultiplier


def weights(trace, kappa=10.0, smoothing=0.0, step=0.1, bounds=(1e-3, 10.0)):
    """The weight after each rec of a trace."""
    multiplier, result = ConstraintMultiplier(smoothing, step, bounds), []
    multiplier.kappa.fill_(kappa)
    for rec in trace:
        multiplier.update(torch.tensor(float(rec)))
        result.append(multiplier.weight.item())
    return result


def test_three_updates_by_hand():
    # C = 2, 2, -1 and s = 0.1: log lambda = 0.2, 0.4, 0.3, and w = 1 / lambda
    assert weights([12, 12, 9]) == pytest.approx([math.exp(-0.2), math.exp(-0.4), math.exp(-0.3)])


def test_the_mean_is_exponential_from_the_first_value_on():
    # a 0.5: C = 4, then (0.5 * 0.5 * 4 + 0.5 * 0) / 0.75 = 4/3
    assert weights([14, 10], smoothing=0.5) == pytest.approx([math.exp(-0.4), math.exp(-0.4 - 0.4 / 3)])


def test_the_warm_up_of_a_second_phase_is_at_weight_one_too():
    multiplier = ConstraintMultiplier(0.0, 0.1, (1e-3, 10.0))
    multiplier.log_weight.fill_(-1.0)  # what a first phase left
    multiplier.warm_up(torch.tensor(20.0), 2.0)
    assert (multiplier.weight.item(), multiplier.kappa.item()) == (1.0, 18.0)


def test_the_bound_is_the_fixed_point():
    assert weights([10] * 50) == pytest.approx([1.0] * 50)


def test_a_worse_reconstruction_lowers_the_weight_and_a_better_one_raises_it():
    falling, rising = weights([11] * 20), weights([9] * 20)
    assert falling == sorted(falling, reverse=True)
    assert rising == sorted(rising)
    assert falling[-1] < 1 < rising[-1]


def test_the_weight_stays_within_its_bounds_and_leaves_them_at_once():
    trace = weights([30] * 100 + [9], bounds=(0.05, 1.0))
    assert trace[99] == pytest.approx(0.05)
    assert trace[100] == pytest.approx(0.05 * math.exp(0.1))


def objective(remedy, rec, at, model):
    terms = make_terms(nll=torch.full((4,), float(rec)), aux=dict(model.aux.items()))
    return remedy.objective(terms, at)


def test_kappa_is_what_the_first_epochs_reach_less_the_margin():
    remedy = GECO(margin=2.0, warm_up=1.0, smoothing=0.0, step=0.1)
    model = make_method("geco", {"geco": remedy.hyper()}).build(tiny_shape(), 0)
    first = objective(remedy, 20.0, clock(0, 10), model)
    assert float(first.kl_weight) == 1.0
    assert float(model.aux["geco"].kappa) == 18.0
    later = objective(remedy, 19.0, clock(10, 10), model)  # C = 1
    assert float(model.aux["geco"].kappa) == 18.0
    assert float(later.kl_weight) == pytest.approx(math.exp(-0.1))


def test_a_kappa_that_is_set_stands():
    remedy = GECO(kappa=5.0, smoothing=0.0, step=0.1, minimum=0.01)
    model = make_method("geco", {"geco": remedy.hyper()}).build(tiny_shape(), 0)
    assert float(objective(remedy, 7.0, clock(0, 10), model).kl_weight) == pytest.approx(math.exp(-0.2))
    assert float(model.aux["geco"].kappa) == 5.0


def test_without_a_kappa_there_must_be_epochs_to_take_it_from():
    with pytest.raises(UsageError, match=r"geco: kappa is unset and warm_up is 0.*set one of the two"):
        make_method("geco", {"geco": {"warm_up": 0}})
    make_method("geco", {"geco": {"warm_up": 0, "kappa": 20.0}})


def test_nothing_moves_in_evaluation():
    remedy = GECO(kappa=5.0)
    model = make_method("geco", {"geco": remedy.hyper()}).build(tiny_shape(), 0)
    with torch.no_grad():
        objective(remedy, 7.0, clock(0, 10), model)
    assert float(model.aux["geco"].weight) == 1.0
