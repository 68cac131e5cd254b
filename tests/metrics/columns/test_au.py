import pytest
import torch

from vaecli.metrics.columns.au import active_units, mean_variance


def test_variance_is_unbiased():
    # Means 0, 1, 2: squared deviations 1 + 0 + 1 over N - 1 = 2 give 1.
    assert mean_variance(torch.tensor([[0.0], [1.0], [2.0]])).tolist() == [1.0]


def test_threshold_is_strict():
    # Two means 1/2 apart: (1/4)^2 * 2 / 1 = 1/8, exact in binary.
    mean = torch.tensor([[0.0], [0.5]])
    assert active_units(mean, threshold=0.125) == 0
    assert active_units(mean, threshold=0.1249) == 1


@pytest.mark.parametrize(("variance", "units"), [(0.0099, 0), (0.0101, 1)])
def test_default_threshold_is_a_hundredth(variance, units):
    # Two means d apart have variance d^2 / 2.
    assert active_units(torch.tensor([[0.0], [(2 * variance) ** 0.5]])) == units


def test_only_varying_dimensions_count():
    mean = torch.zeros(50, 3)
    mean[:, 1] = torch.linspace(-1, 1, 50)
    mean[:, 2] = 1000.0
    assert active_units(mean) == 1


def test_large_offset_does_not_hide_a_small_variance():
    # In float64 the variance of 1000 +- 0.15 is 0.0225 n / (n - 1); a float32 sum of squares would lose it.
    mean = 1000 + 0.15 * torch.tensor([[1.0], [-1.0]]).repeat(500, 1)
    assert mean_variance(mean)[0] == pytest.approx(0.0225 * 1000 / 999, rel=1e-3)


def test_a_single_sentence_has_no_variance_and_so_no_count():
    assert mean_variance(torch.ones(1, 4)) is None
    assert active_units(torch.ones(1, 4)) is None
    assert active_units(torch.ones(2, 4)) == 0
