import pytest
from support import clock, make_terms

from vaecli.remedies.linear_anneal import LinearAnneal, linear_weight, warmup_epochs, warmup_weight


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


def test_shapes_by_hand():
    # step 2 of 8 is v = 1/4, start 0.2: 0.2 + 0.8 f. linear f = 1/4: 0.4; sigmoid f = 1 / (1 + e^3) = 0.0474259:
    # 0.2379407; cosine f = (1 - cos(pi / 4)) / 2 = 0.1464466: 0.3171573
    weights = {shape: warmup_weight(2, 8, 0.2, shape) for shape in ("linear", "sigmoid", "cosine")}
    assert weights == pytest.approx({"linear": 0.4, "sigmoid": 0.2379407, "cosine": 0.3171573})


@pytest.mark.parametrize("shape", ["linear", "sigmoid", "cosine"])
def test_every_shape_is_half_way_in_the_middle_and_arrives_at_one(shape):
    weights = [LinearAnneal(shape=shape).objective(make_terms(), clock(s)).kl_weight for s in range(12)]
    assert weights[5] == pytest.approx(0.5)
    assert weights[0] == pytest.approx(0, abs=0.0025)
    assert weights[10:] == [1.0, 1.0]
    assert weights == sorted(weights)


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
