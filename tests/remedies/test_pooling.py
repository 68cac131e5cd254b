"""Laws of pooled states: padding doesn't count, a single state is itself."""

import pytest
import torch
from remedies.figures import check_figures
from support import split_of, tiny_batch, tiny_model

from vaecli.corpus.types import collate
from vaecli.remedies.pooling import pooled

STATES = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [99.0, 99.0]], [[0.0, 5.0], [-1.0, 6.0], [2.0, -2.0]]])
MASK = torch.tensor([[True, True, False], [True, True, True]])


def test_by_hand():
    # sentence 1 has two states: max (3, -2), mean (4 / 2, -6 / 2); sentence 2 three: max (2, 6), mean (1 / 3, 9 / 3)
    assert pooled(STATES, MASK, "max").tolist() == [[3.0, -2.0], [2.0, 6.0]]
    torch.testing.assert_close(pooled(STATES, MASK, "mean"), torch.tensor([[2.0, -3.0], [1 / 3, 3.0]]))


@pytest.mark.parametrize("kind", ["max", "mean"])
def test_one_state_is_itself(kind):
    mask = torch.tensor([[True, False, False], [True, False, False]])
    assert torch.equal(pooled(STATES, mask, kind), STATES[:, 0])


@pytest.mark.parametrize("kind", ["max", "mean"])
def test_what_padding_holds_changes_nothing(kind):
    for value in (0.0, -1e9, float("inf"), float("nan")):
        other = STATES.clone()
        other[0, 2] = value
        assert torch.equal(pooled(other, MASK, kind), pooled(STATES, MASK, kind))


@pytest.mark.parametrize("kind", ["max", "mean"])
def test_gradients_stay_out_of_the_padding_and_reach_the_rest(kind):
    states = STATES.clone().requires_grad_()
    pooled(states, MASK, kind).sum().backward()
    assert torch.equal(states.grad[0, 2], torch.zeros(2))
    # each feature's weights sum to 1, whatever the pooling
    torch.testing.assert_close(states.grad.sum(1), torch.ones(2, 2))


@pytest.mark.parametrize("kind", ["max", "mean"])
def test_features_do_not_depend_on_the_company_of_a_sentence(kind):
    model = tiny_model("pooling", {"pooling": {"kind": kind}})
    split = split_of([4, 5], [6, 7, 8, 9, 10, 11], [5])
    together = model.encode(collate(split, torch.arange(3))).features
    for n in range(3):
        torch.testing.assert_close(model.encode(collate(split, torch.tensor([n]))).features[0], together[n])


def test_max_is_above_mean_and_the_last_state():
    batch = tiny_batch(8)
    features = {k: tiny_model("pooling", {"pooling": {"kind": k}}).encode(batch).features for k in ("max", "mean")}
    last = tiny_model().encode(batch).features
    assert (features["max"] >= last).all()
    assert (features["max"] >= features["mean"]).all()
    assert not torch.allclose(features["mean"], last)


def test_what_vanilla_has_too_starts_equal():
    vanilla = dict(tiny_model("vanilla", seed=3).named_parameters())
    mine = {n.replace("wrapped.", ""): p for n, p in tiny_model("pooling", seed=3).named_parameters()}
    assert mine.keys() == vanilla.keys()
    assert all(torch.equal(mine[n], vanilla[n]) for n in vanilla)


@pytest.mark.parametrize("method", ["pooling", "bn+pooling"])
def test_figures_obey_the_laws(method):
    check_figures(tiny_model(method, init_range=1.0))
