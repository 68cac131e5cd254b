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
