import pytest
import torch

from vaecli.kernels.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75])
def test_share_and_expectation(p):
    torch.manual_seed(0)
    y = Dropout(p)(torch.ones(300, 401))
    kept = y != 0
    # 120,300 draws: the share's deviation is below 0.0015
    assert float(kept.float().mean()) == pytest.approx(1 - p, abs=0.006)
    assert y[kept].unique().tolist() == pytest.approx([1 / (1 - p)], rel=1e-4)
    # neighbours, which share a draw, are independent
    pairs = (kept[:, :-1] & kept[:, 1:]).float().mean()
    assert float(pairs) == pytest.approx((1 - p) ** 2, abs=0.008)


def test_the_gradient_has_the_same_mask():
    torch.manual_seed(0)
    x = torch.randn(7, 11, requires_grad=True)
    y = Dropout(0.5)(x)
    y.sum().backward()
    torch.testing.assert_close(x.grad * x.detach(), y.detach())


def test_off_where_nothing_is_dropped():
    x = torch.randn(3, 4)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert Dropout(1.0)(x).abs().sum() == 0


def test_a_seed_gives_the_mask():
    layer, x = Dropout(0.3), torch.ones(50)
    masks = []
    for _ in range(2):
        torch.manual_seed(3)
        masks.append(layer(x))
    assert torch.equal(*masks)
    assert not torch.equal(masks[0], layer(x))


def test_keeps_the_dtype():
    assert Dropout(0.5)(torch.ones(5, dtype=torch.bfloat16)).dtype == torch.bfloat16
