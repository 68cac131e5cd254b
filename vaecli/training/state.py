"""What a checkpoint of a running training holds, and how it comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vaecli.core.errors import DataError
from vaecli.remedies.core.remedy import Phase
from vaecli.training.checkpoint import LAST, pack_optimizer, save_checkpoint, unpack_optimizer
from vaecli.training.progress import Progress
from vaecli.training.session import OWN, TrainingSession

PREFIX = "model."
WINDOW = "window"
"""Sums of an epoch's losses that a GPU keeps to itself for a while; absent on a CPU."""


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers under the names they have in a checkpoint."""
    return {PREFIX + k: v for k, v in model.state_dict().items()}


def load_model(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Restores what `model_tensors` gave.

    Args:
        model: Of the same shapes.
        tensors: Of a checkpoint.
        path: Of the checkpoint, for messages.

    Raises:
        DataError: They are of another model.
    """
    with of_this_model(path):
        model.load_state_dict({k[len(PREFIX) :]: v for k, v in tensors.items() if k.startswith(PREFIX)})


@contextmanager
def of_this_model(path: Path) -> Iterator[None]:
    """Where a checkpoint is restored: what doesn't fit is told with its path.

    Raises:
        DataError: It is of another model, method or optimiser.
    """
    try:
        yield
    except (RuntimeError, KeyError, IndexError, TypeError, ValueError) as error:
        told = " ".join(str(error).split())[:300]
        raise DataError(
            f"{path}: the checkpoint is of another model or method ({type(error).__name__}: {told}); put back that of "
            "this run, or start it anew with --overwrite"
        ) from None


def save_state(folder: Path, session: TrainingSession, progress: Progress, window: Tensor | None = None) -> None:
    """Saves everything that the rest of the training depends on: weights, optimisers, clock, counters and RNG.

    Args:
        folder: The run's ``checkpoint/``.
        session: At a moment between two updates, those of an inner loop included.
        progress: Where it stands.
        window: Sums that are not in `progress` yet.
    """
    tensors = model_tensors(session.model)
    if window is not None:
        tensors[WINDOW] = window
    state: dict[str, Any] = {"progress": asdict(progress), "optimizers": {}}
    for name, optimizer in session.all_optimizers.items():
        packed, scalars = pack_optimizer(name, optimizer)
        tensors.update(packed)
        state["optimizers"][name] = scalars
    state["clock"] = {name: getattr(session.clock, name) for name in ("step", "steps_per_epoch", "epochs")}
    state["random_draws"] = session.random_draws
    state["still"] = list(session.still)
    tensors["rng.cpu"] = torch.get_rng_state()
    if session.device.type == "cuda":
        tensors["rng.cuda"] = torch.cuda.get_rng_state(session.device)
    save_checkpoint(folder, LAST, tensors, state)


def restore_state(
    tensors: Mapping[str, Tensor],
    state: Mapping[str, Any],
    session: TrainingSession,
    path: Path,
    phase: Phase,
    epochs: int,
) -> None:
    """Restores a session to where `save_state` left it.

    Args:
        tensors: Of the checkpoint.
        state: Of the checkpoint.
        session: Of the same model and method, before any update.
        path: Of the checkpoint, for messages.
        phase: That the checkpoint is of; it is begun, but for its `start`, whose traces are in the checkpoint.
        epochs: Planned for the phase by now, which may be more than then.

    Raises:
        DataError: It is of another model.
        ValueError: It has an optimiser that the method hasn't.
    """
    if "still" in state:  # a checkpoint of an earlier version doesn't say
        still = set(state["still"])
        for name, parameter in session.model.named_parameters():
            parameter.requires_grad_(name not in still)
    session.begin(phase, epochs)
    load_model(session.model, tensors, path)
    unknown = sorted(set(state["optimizers"]) - set(session.all_optimizers))
    if unknown:
        name = unknown[0].removeprefix(OWN)
        raise ValueError(f"it holds an optimiser {name!r}, which the method's `wrap_step` doesn't register")
    for name, optimizer in session.all_optimizers.items():
        unpack_optimizer(name, optimizer, tensors, state["optimizers"][name])
    # the planned epochs are the session's, which may have been raised since, and what a phase is without is the phase's
    session.clock = replace(session.clock, **{**state["clock"], "epochs": session.clock.epochs})
    session.random_draws = state["random_draws"]
    torch.set_rng_state(tensors["rng.cpu"])
    if "rng.cuda" in tensors and session.device.type == "cuda":
        torch.cuda.set_rng_state(tensors["rng.cuda"], session.device)
