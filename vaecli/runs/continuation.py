"""What has to be as it was for a run to go on, and what is told where it isn't."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from vaecli.core.errors import DataError, UsageError
from vaecli.core.messages import counted
from vaecli.kernels.compiled import lstm_library
from vaecli.remedies import OWN_PACKAGE
from vaecli.runs.environment import describe_environment
from vaecli.runs.provenance import recorded
from vaecli.training.checkpoint import LAST, PREVIOUS

if TYPE_CHECKING:
    from vaecli.corpus.types import Corpus
    from vaecli.remedies.core.compose import Method
    from vaecli.runs.folder import RunFolder


BEGAN = "the run began with other surroundings"
"""How a note on them starts."""


def check_same_corpus(folder: RunFolder, corpus: Corpus) -> None:
    """Refuses to go on with a run on another text or vocabulary than it began with.

    Raises:
        UsageError: Names both fingerprints.
    """
    known = folder.fingerprint
    if known and known != corpus.fingerprint:
        raise UsageError(
            f"{folder.path}: this run began on another corpus (fingerprint {known[:12]}) than {corpus.name!r} is now "
            f"({corpus.fingerprint[:12]}); restore the text, give the new one a --name of its own, or --overwrite"
        )


def check_checkpoint(folder: RunFolder) -> None:
    """Refuses to begin a training anew whose checkpoints are gone.

    Raises:
        DataError: Epochs were trained, and no checkpoint is there.
    """
    rows = folder.history()
    if rows and not has_begun(folder):
        raise DataError(
            f"{folder.checkpoint_path}: {folder.history_path.name} tells of {counted(len(rows), 'epoch')}, and no "
            "checkpoint is left to go on from; put it back, or begin anew with --overwrite"
        )


def check_versions(folder: RunFolder, method: Method) -> None:
    """Refuses to go on with a training that other versions of its remedies have begun: its end would be of neither.

    Raises:
        UsageError: Names the remedy, both versions and the package of the first.
    """
    run = folder.run() if has_begun(folder) else {}
    for name, now in method.versions.items():
        began = (run.get("remedies") or {}).get(name, now)
        if began != now:
            package = " ".join(recorded(run, name)).strip() or OWN_PACKAGE
            raise UsageError(
                f"{folder.path}: this run began with version {began} of {name!r}, and here it is version {now}, whose "
                f"numbers are others; put back that of {package}, or begin anew with --overwrite"
            )


def has_begun(folder: RunFolder) -> bool:
    """Whether there is a checkpoint that the run goes on from."""
    return any((folder.checkpoint_path / name).exists() for name in (LAST, PREVIOUS))


def surroundings(device: torch.device, precision: str) -> dict[str, str]:
    """What moves figures in their last digits: compared when a run is gone on with."""
    now = describe_environment()
    return {
        "torch": now["versions"]["torch"],
        "threads": str(torch.get_num_threads()),
        "kernels": now["kernels"],
        "lstm": "compiled" if now["kernels"] == "fast" and lstm_library() is not None else "torch",
        "processor": now["cpu"],
        "device": str(device),
        "precision": precision,
    }


def changed_surroundings(folder: RunFolder, now: Mapping[str, str]) -> str:
    """What is otherwise than when the run began, in words; empty where nothing is, or nothing had begun."""
    run = folder.run()
    before = run.get("surroundings") if has_begun(folder) else None
    if not isinstance(before, dict):
        return ""
    before = {"lstm": "torch", **before}  # what runs of earlier versions had
    lines = [f"{key} {before.get(key)} -> {value}" for key, value in now.items() if str(before.get(key)) != value]
    return f"{BEGAN} ({', '.join(lines)}): figures move in the last digits" if lines else ""
