import pytest
import torch

from vaecli.errors import UsageError
from vaecli.training import device as d

CPU = torch.device("cpu")


def test_auto_is_exact_everywhere():
    assert d.resolve_precision("auto", CPU) == "fp32"


def test_bf16_without_the_hardware_is_one_line(monkeypatch):
    monkeypatch.setattr(d, "has_bf16", lambda device: False)
    with pytest.raises(UsageError, match="--precision fp32"):
        d.resolve_precision("bf16", CPU)


def test_the_probe_says_what_training_then_finds():
    """Whatever the machine: where the probe says yes, autocast LSTMs run; where it says no, they raise."""
    lstm = torch.nn.LSTM(8, 8, batch_first=True)

    def train():
        with torch.autocast("cpu", torch.bfloat16):
            lstm(torch.zeros(4, 3, 8))[0].float().sum().backward()

    if d.has_bf16(CPU):
        train()
        assert all(p.grad is not None for p in lstm.parameters())
    else:
        with pytest.raises(RuntimeError):
            train()


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert d.resolve_device("auto") == CPU
    with pytest.raises(UsageError, match="cuda:1"):
        d.resolve_device("cuda:1")
