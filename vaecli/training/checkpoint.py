"""Checkpoints: one safetensors file each, its JSON state in the header, replaced atomically and verified when read.

A single file switches in one `os.replace`, so weights, optimiser state and counters can't disagree after a kill. The
one before is kept, so that a damaged file costs at most one checkpoint. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vaecli.core.errors import DataError, UsageError
from vaecli.core.files import write_atomic
from vaecli.model.digest import tensor_bytes

FORMAT = 1
LAST, PREVIOUS, BEST = "last.safetensors", "previous.safetensors", "best.safetensors"
DAMAGED = "damaged.safetensors"
"""What a `LAST` that can't be read becomes: the next save would otherwise put it where the one good checkpoint is."""


def _digest(tensors: Mapping[str, Tensor], state: str) -> str:
    """SHA-256 over the state and every tensor's name and bytes."""
    digest = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensor_bytes(tensors[name]))
    return digest.hexdigest()


def save_checkpoint(folder: Path, name: str, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Writes a checkpoint; a `LAST` that existed becomes `PREVIOUS`.

    Args:
        folder: The run's ``checkpoint/``.
        name: `LAST` or `BEST`.
        tensors: What to store.
        state: Anything JSON can hold.

    Raises:
        DataError: It can't be written.
        FileNotFoundError: The run's folder is gone: a new one would hold no settings to go on with.
    """
    folder.mkdir(exist_ok=True)
    text = json.dumps(state)
    flat = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    header = {"format": str(FORMAT), "state": text, "sha256": _digest(flat, text)}
    data = save(flat, metadata=header)
    if name == LAST and (folder / LAST).exists():
        os.replace(folder / LAST, folder / PREVIOUS)
    write_atomic(folder / name, data)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads and verifies a checkpoint.

    Raises:
        DataError: The file is missing, damaged, of another format, or holds numbers that are not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such checkpoint") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable checkpoint ({error})") from None
    if header.get("format") != str(FORMAT):
        raise DataError(f"{path}: checkpoint format {header.get('format', 'none')!r}, this program reads {FORMAT}")
    if header.get("sha256") != _digest(tensors, header.get("state", "")):
        raise DataError(f"{path}: the checksum doesn't match, the file is damaged")
    for key, tensor in tensors.items():
        if key.startswith("model.") and tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise DataError(f"{path}: {key} holds numbers that are not finite")
    state: dict[str, Any] = json.loads(header["state"])
    return tensors, state


def load_latest(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The last checkpoint, or the one before with a warning when it is damaged, or None when there is none.

    A damaged one is moved aside; the caller is the folder's one writer.

    Raises:
        DataError: There are checkpoints and none can be read: never a silent fresh start.
    """
    paths = [folder / name for name in (LAST, PREVIOUS) if (folder / name).exists()]
    damage: list[str] = []
    for path in paths:
        try:
            result = load_checkpoint(path)
        except DataError as error:
            damage.append(str(error))
            continue
        if damage:
            os.replace(folder / LAST, folder / DAMAGED)
            warnings.warn(f"{damage[0]}; kept as {DAMAGED}, going on from {path.name}", stacklevel=2)
        return result
    if damage:
        raise DataError("; ".join(damage) + "; start anew with --overwrite")
    return None


def pack_optimizer(name: str, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's state as flat tensors and JSON values.

    Raises:
        UsageError: It holds something else, such as lists of tensors.
    """
    raw = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    values: dict[str, dict[str, Any]] = {}
    for number, entry in raw["state"].items():
        for key, value in entry.items():
            if isinstance(value, Tensor):
                tensors[f"optim.{name}.{number}.{key}"] = value
            else:
                values.setdefault(str(number), {})[key] = _plain(name, optimizer, key, value)
    groups = [
        {key: _plain(name, optimizer, key, value) for key, value in group.items() if key != "params"}
        for group in raw["param_groups"]
    ]
    return tensors, {"groups": groups, "values": values}


def _plain(name: str, optimizer: torch.optim.Optimizer, key: str, value: Any) -> Any:
    """A value that JSON can hold.

    Raises:
        UsageError: It is none.
    """
    inside = value if isinstance(value, list | tuple) else [value]
    if not all(one is None or isinstance(one, bool | int | float | str) for one in inside):
        kinds = ", ".join(sorted({type(one).__name__ for one in inside}))
        raise UsageError(
            f"optimiser {name!r} ({type(optimizer).__name__}) can't be saved: its {key!r} is of {kinds}; a checkpoint "
            "holds tensors of single parameters, numbers and texts"
        )
    return value


def unpack_optimizer(
    name: str, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], state: Mapping[str, Any]
) -> None:
    """Restores what `pack_optimizer` gave."""
    raw = optimizer.state_dict()
    prefix = f"optim.{name}."
    entries: dict[int, dict[str, Any]] = {int(number): dict(own) for number, own in state.get("values", {}).items()}
    for key, value in tensors.items():
        number, _, field = key.removeprefix(prefix).partition(".")
        if key.startswith(prefix) and number.isdecimal():  # of `critic`, and not of a `critic.z` beside it
            entries.setdefault(int(number), {})[field] = value
    groups = [{**new, "params": old["params"]} for new, old in zip(state["groups"], raw["param_groups"], strict=True)]
    for group in groups:
        if isinstance(group.get("betas"), list):
            group["betas"] = tuple(group["betas"])
    optimizer.load_state_dict({"state": entries, "param_groups": groups})
