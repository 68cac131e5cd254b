import pytest
import torch

from vaecli.errors import UsageError
from vaecli.model import arithmetic as a

CPU = torch.device("cpu")
LARGE, SMALL = 10_000 * 256, 900 * 64


def test_auto_is_bf16_only_where_it_pays(monkeypatch):
    monkeypatch.setattr(a, "has_bf16", lambda device: True)
    monkeypatch.setattr(a, "has_bf16_instructions", lambda: True)
    assert a.resolve_precision("auto", CPU, LARGE) == "bf16"
    assert a.resolve_precision("auto", CPU, SMALL) == "fp32"
    assert a.resolve_precision("auto", torch.device("cuda"), LARGE) == "fp32"
    monkeypatch.setattr(a, "has_bf16_instructions", lambda: False)
    assert a.resolve_precision("auto", CPU, LARGE) == "fp32"


def test_what_is_asked_for_is_taken(monkeypatch):
    monkeypatch.setattr(a, "has_bf16", lambda device: True)
    assert a.resolve_precision("fp32", CPU, LARGE) == "fp32"
    assert a.resolve_precision("bf16", CPU, SMALL) == "bf16"


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


def test_the_setting_comes_back_after_an_error():
    before = torch.backends.mkldnn.matmul.fp32_precision
    with pytest.raises(RuntimeError), a.arithmetic("fp32", CPU):
        raise RuntimeError
    assert torch.backends.mkldnn.matmul.fp32_precision == before
