import pytest
import torch
from support import fast_only

from vaecli.config import RunConfig, build_config
from vaecli.core.errors import UsageError
from vaecli.training.device import resolve_device, training_precision


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    with pytest.raises(UsageError, match="cuda:1"):
        resolve_device("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "", "CPU", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "cuda:\u0661"])
def test_what_is_no_device_is_told_wherever_it_is_given(name):
    with pytest.raises(UsageError, match=r"^--device must be auto, cpu, cuda or one GPU such as cuda:1, got '"):
        resolve_device(name)
    with pytest.raises(UsageError, match=r"training\.device: must be auto, cpu, cuda or one GPU such as cuda:1, got '"):
        build_config({"training": {"device": name}})


def test_a_gpu_beyond_the_last_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UsageError, match="device 'cuda:2': torch sees 2 here, cuda:0 to cuda:1"):
        resolve_device("cuda:2")


@fast_only
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_auto_is_bf16_for_a_large_output_layer(optimizer, monkeypatch):
    monkeypatch.setattr("vaecli.kernels.arithmetic.has_bf16", lambda device: True)
    monkeypatch.setattr("vaecli.kernels.arithmetic.has_bf16_instructions", lambda: True)
    config = build_config({"model": {"decoder_size": 256}, "training": {"optimizer": optimizer, "device": "cpu"}})
    assert training_precision(config, 10_000) == "bf16"
    assert training_precision(config, 1_000) == "fp32"


def test_the_quick_model_trains_in_fp32_on_every_machine():
    assert training_precision(RunConfig(), 914) == "fp32"
