"""Prices: a ridge regression that leaves out each idle trial, and what it recovers of a known law."""

import numpy as np
import pytest
from atlas_law import law_table

from vaecli.atlas.price import LEAST, idle_error, is_idle, prices, ridge


def test_the_ridge_leaves_each_row_out():
    """What it says of a fitted row is what a fit without that row, at the same centre and scale, says of it."""
    rng = np.random.default_rng(0)
    x, fitted = rng.normal(size=(12, 2)), np.arange(12) < 9
    y = x @ [1.0, -2.0] + rng.normal(size=12)
    predictions = ridge(x, y, fitted, penalty=1e-9)
    for n in range(9):
        others = fitted & (np.arange(12) != n)
        design = np.column_stack([x[others], np.ones(8)])
        by_hand = np.append(x[n], 1.0) @ np.linalg.lstsq(design, y[others], rcond=None)[0]
        assert predictions[n] == pytest.approx(by_hand, abs=1e-6)


def test_prices_of_a_known_law():
    """neg_elbo is 0.5 nats above idle for each nat of mi."""
    frame = law_table(400)
    price = prices(frame)
    informing = frame["mi"].to_numpy() > 0
    assert np.abs(price[informing] - 0.5 * frame["mi"].to_numpy()[informing]).mean() < 0.25
    assert idle_error(frame) < 0.25


def test_too_few_idle_trials_have_no_price():
    frame = law_table(400)
    few = frame[~is_idle(frame)]
    assert prices(few) is None
    assert idle_error(few) is None
    assert is_idle(frame).sum() >= LEAST


def test_idle_trials_leave_the_decoder_alone_and_pay_nothing():
    frame = law_table(60).assign(verdict="collapsed", kl=0.01)
    assert is_idle(frame).all()
    assert not is_idle(frame.assign(method="historyless")).any()
    assert not is_idle(frame.assign(kl=2.3)).any()  # a rate that buys nothing is paid all the same
    assert not is_idle(frame.assign(method="gone")).any()
