"""A budget leaves each row as many epochs as fit into an equal share, and what a row doesn't need is the others'."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaecli.reproduction.budget import MARGIN, STARTUP, Planned, decay_start_of, epochs_within, total_seconds
from vaecli.training.timing import Pace

FREE = -STARTUP  # so that a trial of no epoch takes no time


def row(epochs, epoch, validation=0.0, final=FREE, trials=1):
    return Planned(epochs, 15, trials, Pace(epoch, validation, final))


def test_shares_by_hand():
    # 90 seconds to plan with: the cheap row needs 10 and leaves 40 each to two that take 2 and 10 an epoch
    rows = {"cheap": row(10, 1.0), "middle": row(30, 2.0), "dear": row(30, 10.0)}
    assert epochs_within(rows, 90 / MARGIN) == {"cheap": 10, "middle": 20, "dear": 4}


def test_what_fits_is_left_as_it_is():
    rows = {"a": row(10, 1.0), "b": row(30, 1.0)}
    assert epochs_within(rows, 40 / MARGIN + 1) == {"a": 10, "b": 30}


def test_seeds_validations_final_figures_and_start_count():
    # 3 seeds of 4 epochs of 2 + 1 seconds, 5 of the final figures and 4 before the first update
    assert row(4, 2.0, 1.0, 5.0, trials=3).seconds(4) == 3 * (4 * 3 + 5 + 4)


def test_one_epoch_is_the_least():
    rows = {"a": row(10, 100.0), "b": row(10, 1.0)}
    assert epochs_within(rows, 5)["a"] == 1
    assert total_seconds(rows, epochs_within(rows, 5), 1) > 5  # and whoever asks is told


def test_a_row_in_stages_has_an_epoch_of_each_at_least():
    """Of one epoch, two are trained and timed; a budget leaves two where it leaves any."""
    planned = Planned(1, 0, 1, Pace(10.0, 2.0, 5.0), stages=2)
    assert planned.seconds(1) == planned.seconds(2) == 2 * 12 + 5 + STARTUP
    assert planned.epochs_in(1.0) == 1
    longer = Planned(9, 0, 1, Pace(10.0, 2.0, 5.0), stages=2)
    assert [longer.epochs_in(seconds) for seconds in (1.0, 3 * 12 + 9, 1e9)] == [2, 3, 9]


def test_trials_side_by_side_have_more():
    rows = {"a": row(100, 1.0), "b": row(100, 1.0)}
    one, two = epochs_within(rows, 50), epochs_within(rows, 50, jobs=2)
    assert (one["a"], two["a"]) == (22, 45)


def test_a_trial_is_in_one_place_however_many_there_are():
    """What a short row leaves of the time of two places can't all be the long one's."""
    rows = {"short": row(5, 1.0), "long": row(1000, 1.0)}
    assert epochs_within(rows, 60.5 / MARGIN, jobs=2) == {"short": 5, "long": 60}
    three = {name: row(100, 1.0) for name in "abc"}
    assert total_seconds(three, dict.fromkeys(three, 10), 2) == 20


@given(
    st.lists(st.tuples(st.integers(1, 100), st.floats(0.01, 50), st.integers(1, 5)), min_size=1, max_size=6),
    st.floats(1, 5_000),
)
def test_it_keeps_to_the_budget_and_gives_what_there_is(drawn, budget):
    rows = {str(n): row(epochs, epoch, trials=trials) for n, (epochs, epoch, trials) in enumerate(drawn)}
    allowance = epochs_within(rows, budget)
    assert all(1 <= allowance[name] <= rows[name].epochs for name in rows)
    least = total_seconds(rows, dict.fromkeys(rows, 1), 1)
    assert total_seconds(rows, allowance, 1) <= max(budget, least) + 1e-6
    cut = [name for name in rows if allowance[name] < rows[name].epochs and allowance[name] > 1]
    for name in cut:  # no row that was cut has less than another but for a part of its epoch
        spent = rows[name].seconds(allowance[name] + 1)
        assert all(rows[other].seconds(allowance[other]) <= spent + 1e-6 for other in rows if allowance[other] > 1)


@pytest.mark.parametrize(("epochs", "start"), [(30, 15), (10, 5), (3, 1), (1, 0)])
def test_the_first_decay_may_come_earlier_in_proportion(epochs, start):
    assert decay_start_of(Planned(30, 15, 1), epochs) == start
