"""What of a long evaluation is on disk while it goes on, in the folder of its run.

Two things in ``checkpoint/``, deleted when the evaluation ends: ``evaluation.safetensors`` with results by batch
and finished evaluations, and a folder ``reference-...`` with the checkpoints of a language model that one trains.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from vaecli.core.errors import DataError, InterruptedRunError, UsageError, VaeError
from vaecli.metrics.extras.registry import VERSIONS, BlockInput, BlockResult
from vaecli.metrics.kept_results import digest_of
from vaecli.runs.folder import FREE, RunFolder
from vaecli.runs.lock import FolderLock
from vaecli.settings.run_file import settings_by_key
from vaecli.training.checkpoint import load_checkpoint, save_checkpoint
from vaecli.training.interrupt import Interrupt, StopNowError

FILE = "evaluation.safetensors"


class FolderKeeper:
    """Implements `vaecli.metrics.keeper.Keeper` for a run's folder.

    Nothing is written before the first `minutes` have passed, so that a short evaluation costs nothing. A folder that
    can't be written, or that another process has, keeps nothing: the evaluation goes on.

    Args:
        folder: Of the run.
        minutes: Between two saves; 0 saves when the evaluation is interrupted only.
    """

    def __init__(self, folder: RunFolder, minutes: float) -> None:
        self.folder, self.minutes = folder, minutes
        self.saved_at = time.monotonic()
        self.batches: dict[str, Tensor] = {}
        self.blocks: dict[str, Any] = {}
        with suppress(DataError):  # none, or a damaged one: it is made anew
            self.batches, state = load_checkpoint(folder.checkpoint_path / FILE)
            self.blocks = dict(state["blocks"])
        self.references: list[Path] = []

    def read(self, key: str) -> Tensor | None:
        """See `Keeper.read`."""
        return self.batches.get(key)

    def write(self, key: str, results: Tensor) -> None:
        """See `Keeper.write`."""
        self.batches[key] = results.detach().cpu()
        self._save_in_time()

    def read_block(self, name: str, block: BlockInput) -> BlockResult | None:
        """The result of an evaluation that was finished before."""
        kept = self.blocks.get(_block_key(name, block))
        if kept is None:
            return None
        return BlockResult(kept["values"], kept["details"], tuple(kept["lines"]), kept["settings"])

    def write_block(self, name: str, block: BlockInput, result: BlockResult) -> None:
        """Keeps the result of an evaluation."""
        self.blocks[_block_key(name, block)] = {
            "values": dict(result.values),
            "details": dict(result.details),
            "lines": list(result.lines),
            "settings": dict(result.settings),
        }
        self._save_in_time()

    @contextmanager
    def reference_folder(self, sentences: Sequence[Sequence[int]], seed: int) -> Iterator[Path | None]:
        """Where a language model of some sentences has its checkpoints.

        None where another process trains it, or the folder can't be written, or is gone.
        """
        if not self.folder.exists:  # removed meanwhile; the lock would make another one
            yield None
            return
        digest = hashlib.sha256(json.dumps([seed, list(map(list, sentences))]).encode()).hexdigest()
        path = self.folder.checkpoint_path / f"reference-{digest[:12]}"
        with ExitStack() as held:
            try:
                held.enter_context(FolderLock(path).hold())
            except (UsageError, DataError):
                yield None
                return
            self.references.append(path)
            yield path

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps what is measured where a signal comes, or where it can't be stored; see `forget`.

        Raises:
            InterruptedRunError: A signal came.
        """
        interrupt = Interrupt()
        with interrupt:
            try:
                yield
            except (StopNowError, InterruptedRunError) as stop:
                number = stop.signal_number
                with interrupt.last_words():
                    kept = self.save()
                told = "what was measured is kept" if kept else "what was measured is lost: it can't be written"
                raise InterruptedRunError(
                    f"interrupted in an evaluation; {told}; the same command goes on", number
                ) from None
            except VaeError:
                self.save()
                raise

    def forget(self) -> None:
        """Removes what was kept, once all of it is stored elsewhere."""
        ours = [self.folder.checkpoint_path / FILE, *self.references]
        if not any(path.exists() for path in ours):
            return
        with suppress(VaeError, OSError), self.folder.lock():
            for path in ours:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)

    def save(self) -> bool:
        """Writes all that is kept; whether that was possible."""
        self.saved_at = time.monotonic()
        try:
            if not self.folder.exists:  # removed meanwhile; the lock would make another one
                return False
            with self.folder.lock():
                save_checkpoint(self.folder.checkpoint_path, FILE, self.batches, {"blocks": self.blocks})
        except (VaeError, OSError):
            return False
        return True

    def _save_in_time(self) -> None:
        if self.minutes and time.monotonic() - self.saved_at >= 60 * self.minutes:
            self.save()


def _block_key(name: str, block: BlockInput) -> str:
    """Of an evaluation: a digest of all that its result depends on."""
    recipe = None if block.recipe is None else settings_by_key(block.recipe)
    decisive = {} if recipe is None else {key: value for key, value in recipe.items() if key not in FREE}
    inputs: list[object] = [VERSIONS[name], block.config, block.sentences, block.corpus.fingerprint, decisive]
    reference: Mapping[str, Tensor] = {} if block.reference is None else block.reference.state_dict()
    return digest_of(name, block.model, block.scoring, [*inputs, *reference.values()])
