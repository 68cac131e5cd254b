import pytest
from support import clock, make_terms

from vaecli.remedies.linear_anneal import LinearAnneal, linear_weight, warmup_epochs


def weight(remedy, step, **sizes):
    return remedy.objective(make_terms(), clock(step, **sizes)).kl_weight


def test_corners():
    # start 0.1 over 50 steps: at step 25 half of the remaining 0.9 is added, 0.1 + 0.45 = 0.55
    assert linear_weight(0, 50, 0.1) == 0.1
    assert linear_weight(25, 50, 0.1) == pytest.approx(0.55)
    assert linear_weight(50, 50, 0.1) == 1.0
    assert linear_weight(10**9, 50, 0.1) == 1.0


def test_no_warm_up_is_vanilla():
    assert all(linear_weight(step, 0, 0.0) == 1.0 for step in (0, 1, 7))


def test_monotone():
    weights = [linear_weight(step, 33, 0.05) for step in range(40)]
    assert weights == sorted(weights)
    assert len(set(weights[:34])) == 34


def test_long_run_takes_the_published_warm_up():
    # 10 of 100 epochs, 20 steps each: 200 steps; step 50 is a quarter of them
    assert warmup_epochs(10, 0.25, clock(epochs=100)) == 10
    assert weight(LinearAnneal(), 50, steps_per_epoch=20, epochs=100) == 0.25
    assert weight(LinearAnneal(), 199, steps_per_epoch=20, epochs=100) < 1
    assert weight(LinearAnneal(), 200, steps_per_epoch=20, epochs=100) == 1


def test_short_run_takes_a_share():
    # a quarter of 8 epochs is 2 epochs, 20 steps; step 5 is a quarter of them
    assert warmup_epochs(10, 0.25, clock(epochs=8)) == 2
    assert weight(LinearAnneal(), 5, steps_per_epoch=10, epochs=8) == 0.25
    assert weight(LinearAnneal(), 20, steps_per_epoch=10, epochs=8) == 1


def test_only_the_weight_changes():
    terms = make_terms()
    changed = LinearAnneal().objective(terms, clock(1))
    assert (changed.kl is terms.kl, changed.nll is terms.nll, changed.extra is terms.extra) == (True, True, True)
