import math

import pytest
import torch
from support import fast_only
from torch import nn

from vaecli.kernels import lstm as module
from vaecli.kernels.arithmetic import has_bf16
from vaecli.kernels.lstm import LSTM

B, T, E, H = 3, 7, 4, 5


def problem(dtype=torch.float64):
    """An LSTM, its input and an initial state."""
    torch.manual_seed(0)
    lstm = LSTM(E, H).to(dtype)
    x = torch.randn(B, T, E, dtype=dtype, requires_grad=True)
    state = tuple(torch.randn(1, B, H, dtype=dtype, requires_grad=True) for _ in range(2))
    return lstm, x, state


def results(function, lstm, x, state):
    """States, last state and all gradients of a sum in which every number has a weight of its own."""
    states, last = function(x, state)
    made = [states, *last]
    generator = torch.Generator().manual_seed(1)
    total = sum((t.double() * torch.randn(t.shape, generator=generator, dtype=torch.float64)).sum() for t in made)
    wanted = [x, *(state or ()), *lstm.parameters()]
    return made, torch.autograd.grad(total, wanted)


def test_by_hand():
    # one unit, one step: all sums are 0 but the cell's candidate, tanh(w x) with w x = atanh(1/2), and i = f = o = 1/2;
    # c = 1/2 * 1 + 1/2 * 1/2 = 3/4, h = 1/2 tanh(3/4)
    lstm = LSTM(1, 1)
    with torch.no_grad():
        for p in lstm.parameters():
            p.zero_()
        lstm.weight_ih_l0[2] = 1.0
    x = torch.full((1, 1, 1), math.atanh(0.5), requires_grad=True)
    states, (h, c) = lstm.by_products(x, (torch.zeros(1, 1, 1), torch.ones(1, 1, 1)))
    assert c.item() == pytest.approx(0.75, abs=1e-6)
    assert states.item() == h.item() == pytest.approx(0.5 * math.tanh(0.75), abs=1e-6)
    states.sum().backward()
    # dh/dx = o (1 - tanh^2 c) i (1 - g^2) = 1/2 (1 - tanh^2 0.75) 1/2 3/4
    assert x.grad.item() == pytest.approx(0.1875 * (1 - math.tanh(0.75) ** 2), abs=1e-6)


@pytest.mark.parametrize("block", [1, 2 * B * H, 10**6])
@pytest.mark.parametrize("initial", [True, False])
def test_agrees_with_torch(block, initial, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", block)
    lstm, x, state = problem()
    initial_state = state if initial else None
    ours, expected = (results(f, lstm, x, initial_state) for f in (lstm.by_products, super(LSTM, lstm).forward))
    torch.testing.assert_close(ours, expected)


def test_gradcheck():
    lstm, x, state = problem()
    names = [name for name, _ in lstm.named_parameters()]

    def run(x, h, c, *weights):
        states, last = torch.func.functional_call(
            ByProducts(lstm), {f"lstm.{n}": w for n, w in zip(names, weights, strict=True)}, (x, (h, c))
        )
        return states, *last

    assert torch.autograd.gradcheck(run, (x, *state, *(p.detach().requires_grad_() for p in lstm.parameters())))


class ByProducts(nn.Module):
    """`LSTM.by_products` as a module's forward."""

    def __init__(self, lstm):
        super().__init__()
        self.lstm = lstm

    def forward(self, x, state):
        return self.lstm.by_products(x, state)


def test_a_graph_may_be_walked_twice():
    lstm, x, state = problem()
    states, _ = lstm.by_products(x, state)
    first = torch.autograd.grad(states.sum(), x, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(states.sum(), x), first, rtol=0, atol=0)


def test_padding_after_a_sentence_does_not_reach_it():
    lstm, x, _ = problem()
    shorter = lstm.by_products(x[:, :4])[0]
    torch.testing.assert_close(lstm.by_products(x)[0][:, :4], shorter)


def test_rounds_no_worse_than_twice_torch():
    if not has_bf16(torch.device("cpu")):
        pytest.skip("this CPU has no LSTM in bf16")
    torch.manual_seed(0)
    lstm, x = LSTM(32, 64), torch.randn(8, 30, 32, requires_grad=True)
    exact = results(super(LSTM, lstm).forward, lstm, x, None)

    def autocast(x, state):
        with torch.autocast("cpu", torch.bfloat16):
            return super(LSTM, lstm).forward(x, state)

    def own(x, state):
        return lstm.by_products(x.bfloat16(), state)

    def errors(function):
        made, gradients = results(function, lstm, x, None)
        pairs = zip([*made, *gradients], [*exact[0], *exact[1]], strict=True)
        return [((a.double() - b.double()).norm() / b.double().norm()).item() for a, b in pairs]

    for ours, theirs in zip(errors(own), errors(autocast), strict=True):
        assert 0 < ours < 2 * theirs < 0.05


@fast_only
@pytest.mark.parametrize(
    ("size", "autocast", "gradients", "own"),
    [
        (module.WIDE, True, True, True),
        (module.WIDE - 1, True, True, False),
        (module.WIDE, False, True, False),
        (module.WIDE, True, False, False),
    ],
)
def test_takes_its_own_way_where_it_is_faster(size, autocast, gradients, own, monkeypatch):
    lstm, taken = LSTM(2, size), []
    monkeypatch.setattr(LSTM, "by_products", lambda self, x, state: taken.append(x.dtype) or (x, (x, x)))
    monkeypatch.setattr(nn.LSTM, "forward", lambda self, x, state=None: (x, (x, x)))
    monkeypatch.setattr(module, "lstm_library", lambda: None)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast), torch.set_grad_enabled(gradients):
        lstm(torch.zeros(1, 1, 2))
    assert taken == ([torch.bfloat16] if own else [])


def test_weights_are_those_of_torch():
    torch.manual_seed(3)
    ours = LSTM(E, H).state_dict()
    torch.manual_seed(3)
    torch.testing.assert_close(ours, nn.LSTM(E, H).state_dict(), rtol=0, atol=0)
