"""One model, one device: what is exact for a whole batch is not split over several."""

from pathlib import Path

import pytest

import vaecli
from vaecli.core.errors import UsageError
from vaecli.settings.resolve import load_settings


@pytest.mark.parametrize("device", ["cuda:0,1", "cuda:0,cuda:1,cuda:2"])
def test_several_devices_are_refused_with_the_reason(device):
    with pytest.raises(UsageError, match=r"training\.device.* a model takes one device.*BatchNorm.*no longer be exact"):
        load_settings(sets=[f"training.device={device}"]).config("bn", 0)


def test_nothing_splits_a_batch_silently():
    """By a wrapper of torch's for several devices, whatever it is called."""
    texts = {path: path.read_text(encoding="utf-8") for path in Path(vaecli.__file__).parent.rglob("*.py")}
    assert len(texts) > 200
    names = ("DataParallel", "data_parallel", "fully_shard", "torch.distributed")
    assert not [str(path) for path, text in texts.items() if any(name in text for name in names)]
