import copy

import pytest
import torch
from support import fast_only

from vaecli.core.errors import UsageError
from vaecli.kernels import arithmetic as a

CPU = torch.device("cpu")
LARGE, SMALL = 10_000 * 256, 900 * 64


@fast_only
def test_auto_is_bf16_only_where_it_pays(monkeypatch):
    monkeypatch.setattr(a, "has_bf16", lambda device: True)
    monkeypatch.setattr(a, "has_bf16_instructions", lambda: True)
    assert a.resolve_precision("auto", CPU, LARGE) == "bf16"
    assert a.resolve_precision("auto", CPU, SMALL) == "fp32"
    assert a.resolve_precision("auto", torch.device("cuda"), LARGE) == "fp32"
    monkeypatch.setattr(a, "has_bf16_instructions", lambda: False)
    assert a.resolve_precision("auto", CPU, LARGE) == "fp32"


@fast_only
def test_what_is_asked_for_is_taken(monkeypatch):
    monkeypatch.setattr(a, "has_bf16", lambda device: True)
    assert a.resolve_precision("fp32", CPU, LARGE) == "fp32"
    assert a.resolve_precision("bf16", CPU, SMALL) == "bf16"


@fast_only
def test_bf16_without_the_hardware_is_one_line(monkeypatch):
    monkeypatch.setattr(a, "has_bf16", lambda device: False)
    with pytest.raises(UsageError, match="--precision fp32"):
        a.resolve_precision("bf16", CPU, LARGE)


def test_the_probe_says_what_training_then_finds():
    """Whatever the machine: where the probe says yes, autocast LSTMs run; where it says no, they raise."""
    lstm = torch.nn.LSTM(8, 8, batch_first=True)

    def train():
        with a.arithmetic("bf16", CPU):
            lstm(torch.zeros(4, 3, 8))[0].float().sum().backward()

    if a.has_bf16(CPU):
        train()
        assert all(p.grad is not None for p in lstm.parameters())
    else:
        with pytest.raises(RuntimeError):
            train()


def test_the_probe_says_the_same_without_gradients():
    probe = a.has_bf16.__wrapped__
    with torch.no_grad():
        assert probe(CPU) == a.has_bf16(CPU)


def test_products_are_exact_and_the_setting_comes_back():
    torch.manual_seed(0)
    x, w = torch.randn(50, 300), torch.randn(70, 300)
    before = torch.backends.mkldnn.matmul.fp32_precision
    with a.exact_products():
        product = x @ w.T
    # 300 products of numbers near 1: float32 is off by some 1e-5, bf16 would be by 1e-1
    assert (product.double() - x.double() @ w.double().T).abs().max() < 2e-4
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def products(rows, inner, columns):
    """The products of a linear map forward and backward, of one into strided memory and of a batch."""
    g = torch.Generator().manual_seed(rows + columns)
    x, w, d = (torch.randn(*shape, generator=g) for shape in ((rows, inner), (columns, inner), (rows, columns)))
    strided = torch.empty(rows, columns + 7)[:, :columns]
    yield torch.mm(x, w.T, out=strided), x.double() @ w.double().T
    yield torch.nn.functional.linear(x, w, w[:, 0]), x.double() @ w.double().T + w[:, 0].double()
    yield d @ w, d.double() @ w.double()
    yield d.T @ x, d.double().T @ x.double()
    pairs = [t.expand(2, -1, -1) for t in (x, w.T)]
    yield torch.bmm(*pairs), torch.bmm(*(t.double() for t in pairs))


@pytest.mark.parametrize("shape", [(1, 256, 1000), (64, 80, 256), (600, 64, 921), (704, 256, 2000), (50, 1000, 16)])
def test_no_float32_product_is_rounded_further(shape):
    """On a CPU with AMX, oneDNN would multiply in bf16 if asked to be fast: 3e-3 of the largest."""
    with a.arithmetic("fp32", CPU):
        for product, exact in products(*shape):
            assert (product.double() - exact).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize("module", [torch.nn.LSTM(64, 96, batch_first=True), torch.nn.Conv1d(64, 96, 3)])
def test_no_float32_layer_is_rounded_further(module):
    exact = copy.deepcopy(module).double()
    x = torch.randn(32, 64, 64, generator=torch.Generator().manual_seed(0))
    tensors = []
    with a.arithmetic("fp32", CPU):
        for layer, inputs in ((module, x.clone()), (exact, x.double())):
            made = layer(inputs.requires_grad_())
            states = made[0] if isinstance(made, tuple) else made
            states.square().sum().backward()
            tensors.append([states.detach(), inputs.grad, *(p.grad for p in layer.parameters())])
    for one, true in zip(*tensors, strict=True):
        assert (one.double() - true).abs().max() < 1e-5 * true.abs().max()


def test_the_setting_comes_back_after_an_error():
    before = torch.backends.mkldnn.matmul.fp32_precision
    with pytest.raises(RuntimeError), a.arithmetic("fp32", CPU):
        raise RuntimeError
    assert torch.backends.mkldnn.matmul.fp32_precision == before
