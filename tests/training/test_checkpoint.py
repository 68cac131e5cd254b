import json
import pickle  # noqa: TID251 - to prove that it is refused

import pytest
import torch
from safetensors.torch import save_file

from vaecli.core.errors import DataError
from vaecli.training.checkpoint import (
    BEST,
    LAST,
    PREVIOUS,
    load_checkpoint,
    load_latest,
    pack_optimizer,
    save_checkpoint,
    unpack_optimizer,
)

TENSORS = {"model.w": torch.arange(6.0).view(2, 3), "rng.cpu": torch.arange(5, dtype=torch.uint8)}
STATE = {"progress": {"epoch": 3, "best": 1.5}}


def test_what_is_saved_comes_back(tmp_path):
    save_checkpoint(tmp_path, BEST, TENSORS, STATE)
    tensors, state = load_checkpoint(tmp_path / BEST)
    assert state == STATE
    assert all(torch.equal(tensors[k], v) for k, v in TENSORS.items())


def test_nothing_saved_is_a_fresh_start_and_nothing_else_is(tmp_path):
    assert load_latest(tmp_path) is None
    (tmp_path / LAST).write_bytes(b"")
    with pytest.raises(DataError, match="--overwrite"):
        load_latest(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_last_falls_back_to_the_one_before_with_a_warning(tmp_path, damage):
    save_checkpoint(tmp_path, LAST, TENSORS, {"n": 1})
    save_checkpoint(tmp_path, LAST, TENSORS, {"n": 2})
    data = bytearray((tmp_path / LAST).read_bytes())
    if damage == "flipped":
        data[-1] ^= 1
    (tmp_path / LAST).write_bytes({"truncated": data[:-4], "flipped": data, "empty": b""}[damage])
    with pytest.warns(UserWarning, match=PREVIOUS):
        checkpoint = load_latest(tmp_path)
    assert checkpoint is not None
    assert checkpoint[1] == {"n": 1}


def test_a_kill_between_the_two_renames_leaves_the_one_before(tmp_path):
    save_checkpoint(tmp_path, LAST, TENSORS, {"n": 1})
    (tmp_path / LAST).rename(tmp_path / PREVIOUS)
    checkpoint = load_latest(tmp_path)
    assert checkpoint is not None
    assert checkpoint[1] == {"n": 1}


def test_a_pickle_named_as_a_checkpoint_is_refused_without_running_it(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    (tmp_path / LAST).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / LAST)
    assert not (tmp_path / "exploded").exists()


def test_a_header_that_promises_too_much_is_refused(tmp_path):
    (tmp_path / LAST).write_bytes((2**62).to_bytes(8, "little") + b"{}")
    with pytest.raises(DataError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path / LAST)


def test_another_format_is_named(tmp_path):
    save_file(TENSORS, tmp_path / LAST, metadata={"format": "7", "state": json.dumps({})})
    with pytest.raises(DataError, match="format '7'"):
        load_checkpoint(tmp_path / LAST)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    save_checkpoint(tmp_path, BEST, {"model.w": torch.tensor([1.0, float("nan")])}, {})
    with pytest.raises(DataError, match=r"model\.w"):
        load_checkpoint(tmp_path / BEST)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_an_optimiser_that_was_restored_goes_on_as_if_nothing_had_happened(tmp_path, kind):
    def make():
        weight = torch.nn.Parameter(torch.ones(3))
        make_optimizer = torch.optim.Adam if kind == "adam" else torch.optim.SGD
        return weight, make_optimizer([weight], lr=0.1)

    def step(weight, optimizer, power):
        optimizer.zero_grad()
        (weight**power).sum().backward()
        optimizer.step()

    weight, optimizer = make()
    step(weight, optimizer, 2)
    tensors, scalars = pack_optimizer("encoder", optimizer)
    save_checkpoint(tmp_path, LAST, {**tensors, "model.w": weight.data}, {"o": scalars})
    step(weight, optimizer, 3)

    other, fresh = make()
    loaded, state = load_checkpoint(tmp_path / LAST)
    other.data.copy_(loaded["model.w"])
    unpack_optimizer("encoder", fresh, loaded, state["o"])
    step(other, fresh, 3)
    assert torch.equal(weight, other)
