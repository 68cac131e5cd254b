"""Ceilings of estimates, and what counts as being there."""

import math
from statistics import fmean

import pytest

from vaecli.metrics.ceilings import at_ceiling, batch_ceiling, ceiling, figure


@pytest.mark.parametrize("n", [1, 31, 32, 33, 64, 2000])
def test_the_ceiling_of_batches_is_the_mean_of_their_logs(n):
    sizes = [min(32, n - start) for start in range(0, n, 32)]
    by_sentence = [math.log(size) for size in sizes for _ in range(size)]
    assert batch_ceiling(n) == pytest.approx(fmean(by_sentence))


def test_ceilings_come_from_the_row():
    assert ceiling({"mi_ceiling": 7.6}, "mi") == 7.6
    assert ceiling({"sentences": 2000}, "mi") == pytest.approx(7.6009, abs=1e-4)
    assert ceiling({}, "mi_batch") == pytest.approx(3.4657, abs=1e-4)
    assert ceiling({"sentences": 8}, "mi_batch") == pytest.approx(math.log(8))
    assert ceiling({"mi_ceiling": 7.6}, "rec") is None


@pytest.mark.parametrize(
    ("row", "name", "there"),
    [
        ({"mi": 7.6, "mi_ceiling": 7.6}, "mi", True),
        ({"mi": 7.2201, "mi_ceiling": 7.6}, "mi", True),  # above 7.22
        ({"mi": 7.22, "mi_ceiling": 7.6}, "mi", False),
        ({"mi_batch": 3.4, "sentences": 2000}, "mi_batch", True),  # 0.95 * 3.4657 = 3.292
        ({"mi_batch": 3.2, "sentences": 2000}, "mi_batch", False),
        ({"mi": 0.0, "mi_ceiling": 0.0}, "mi", False),  # one sentence
        ({"mi": None, "mi_ceiling": 7.6}, "mi", False),
        ({"bleu": 100.0}, "bleu", False),  # a score of 100 is that of a copy
    ],
)
def test_near_the_ceiling_nothing_is_measured(row, name, there):
    assert at_ceiling(row, name) is there


@pytest.mark.parametrize(("value", "expected"), [(None, None), (float("nan"), None), ("", None), ("3", 3.0), (2, 2.0)])
def test_undefined_figures_are_none(value, expected):
    assert figure({"mi": value}, "mi") == expected
    assert figure({}, "mi") is None
