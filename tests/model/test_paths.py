"""Ways between codes: they have the right ends and stay among the codes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaecli.model.categorical import Classes, UniformClasses
from vaecli.model.codebook import Codebook
from vaecli.model.paths import great_circle, polar, straight, swaps
from vaecli.model.prior import StandardNormal
from vaecli.model.tilted_normal import TiltedNormal
from vaecli.model.von_mises_fisher import UniformSphere

WEIGHTS = torch.linspace(0, 1, 5, dtype=torch.float64)


def vector(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def test_a_right_angle_by_hand():
    # from (2, 0) to (0, 1) by a third: 30 degrees
    path = great_circle(vector(2, 0), vector(0, 1), vector(0, 1 / 3, 1))
    assert path.flatten().tolist() == pytest.approx([1, 0, math.sqrt(0.75), 0.5, 0, 1], abs=1e-12)
    # lengths 2 and 1 change evenly: 5/3 at a third
    middle = polar(vector(2, 0), vector(0, 1), vector(1 / 3))[0]
    assert middle.tolist() == pytest.approx([5 / 3 * math.sqrt(0.75), 5 / 6])


def test_a_straight_way_by_hand():
    # from (1, 2) to (3, 6): a quarter of the way is (1.5, 3)
    path = straight(vector(1, 2), vector(3, 6), vector(0, 0.25, 1))
    assert path.tolist() == [[1, 2], [1.5, 3], [3, 6]]


@given(st.integers(0, 10_000), st.integers(2, 9))
def test_a_great_circle_stays_on_the_sphere_in_equal_steps(seed, size):
    a, b = torch.randn(2, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    path = great_circle(a, b, WEIGHTS)
    assert path.norm(dim=1).tolist() == pytest.approx([1.0] * 5)
    for end, known in ((path[0], a), (path[-1], b)):
        torch.testing.assert_close(end, known / known.norm())
    steps = (path[1:] * path[:-1]).sum(1)
    assert steps.tolist() == pytest.approx([steps[0].item()] * 4)


@pytest.mark.parametrize("last", [(3.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 0.0)])
def test_the_same_the_opposite_and_no_direction(last):
    path = great_circle(vector(1, 0, 0), vector(*last), WEIGHTS)
    assert path.norm(dim=1).tolist() == pytest.approx([1.0] * 5)
    assert path[-1, 0].item() == pytest.approx(-1.0 if last[0] < 0 else 1.0)
    assert not great_circle(vector(0, 0), vector(0, 0), WEIGHTS).any()


def test_classes_are_swapped_one_after_the_other():
    a, b = torch.tensor([0, 1, 2, 2]), torch.tensor([1, 1, 0, 0])
    assert swaps(a, b, torch.linspace(0, 1, 4)).tolist() == [[0, 1, 2, 2], [1, 1, 2, 2], [1, 1, 0, 2], [1, 1, 0, 0]]
    assert swaps(a, a, WEIGHTS).tolist() == [a.tolist()] * 5


def test_the_priors_know_their_codes():
    mean = torch.randn(3, 2)
    assert StandardNormal(2).code(mean) is mean
    torch.testing.assert_close(
        StandardNormal(2).path(mean[0], mean[1], WEIGHTS.float()), straight(*mean[:2], WEIGHTS.float())
    )
    sphere = UniformSphere(3)
    within = vector(0.3, 0, 0)
    assert sphere.code(within.unsqueeze(0)).tolist() == [[1.0, 0.0, 0.0]]
    assert sphere.path(within, vector(0, 0, 0.3), WEIGHTS).norm(dim=1).tolist() == pytest.approx([1.0] * 5)
    tilted = TiltedNormal(3, 4.0).path(vector(4, 0, 0), vector(0, 4, 0), WEIGHTS)
    assert tilted.norm(dim=1).tolist() == pytest.approx([4.0] * 5)  # the straight way comes as near as 2.8


def test_discrete_codes_on_the_way_are_codes():
    classes = UniformClasses(Classes(2, 3, 1.0))
    means = torch.tensor([[0.5, 0.3, 0.2, 0.1, 0.1, 0.8], [0.2, 0.7, 0.1, 0.0, 1.0, 0.0]], dtype=torch.float64)
    assert classes.index(means).tolist() == [[0, 2], [1, 1]]
    assert classes.code(means)[0].tolist() == [1, 0, 0, 0, 0, 1]
    path = classes.path(*means, torch.linspace(0, 1, 3, dtype=torch.float64))
    assert path.tolist() == [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0]]
    book = Codebook(2, 2, 3, 0.9)
    book.codebook.copy_(torch.tensor([[-1.0], [0.0], [1.0]]))
    way = book.path(vector(-0.9, 1.2), vector(0.1, -3.0), torch.linspace(0, 1, 3))
    assert way.tolist() == [[-1.0, 1.0], [0.0, 1.0], [0.0, -1.0]]
    assert book.of_index(book.index(way)).tolist() == way.tolist()
