"""A trial on a machine of a Ray cluster, in a process of its own and a folder that is thrown away in the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

import vaecli
from vaecli.core.errors import UsageError
from vaecli.engines.interpreter import safe_environment
from vaecli.engines.parcel import (
    LOG,
    Files,
    ReferenceParcel,
    Report,
    Signatures,
    TextParcel,
    changes,
    read_from,
    signatures,
    unpack_trial,
)
from vaecli.engines.worker import end_group, guarded, send, trial_command
from vaecli.runs.environment import describe_environment
from vaecli.runs.folder import RunFolder

PREFIX = "vae-trial-"
HELD = ".held"
"""Locked while the folder is in use; the system takes the lock back however its holder ends."""


class TrialHost:
    """Holds a trial at work; an actor of Ray.

    Args:
        version: Of the driver's package.
        run: The run folder's files.
        text: Its corpus.
        reference: The run that it is measured against.
        variables: Of the environment of its process, beside those of this one.

    Raises:
        UsageError: Another version of the package is installed here.
    """

    def __init__(
        self, version: str, run: Files, text: TextParcel, reference: ReferenceParcel, variables: Mapping[str, str]
    ) -> None:
        if version != vaecli.__version__:
            raise UsageError(f"{os.uname().nodename} has vaecli {vaecli.__version__}, the driver {version}")
        sweep_abandoned(Path(tempfile.gettempdir()))
        self.scratch = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.lock = FileLock(self.scratch / HELD)
        self.lock.acquire(timeout=0)
        self.folder = unpack_trial(run, text, reference, self.scratch)
        here = {key: value for key, value in describe_environment().items() if key != "command"}
        RunFolder(self.folder).update(**here)
        self.baseline = signatures(self.folder)
        with open(self.folder / LOG, "ab") as log:
            self.process = subprocess.Popen(
                guarded(trial_command(self.folder)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=safe_environment({**os.environ, **variables}),
                cwd=self.scratch,
                process_group=0,
            )

    def report(self, known: Signatures, log_start: int) -> Report:
        """What has changed since the report that said what is known; everything once the trial has ended."""
        code = self.process.poll()
        files, now = changes(self.folder, known or self.baseline)
        return Report(files, now, read_from(self.folder / LOG, log_start), code)

    def ask(self, number: int) -> None:
        """Sends the trial a signal to save and stop."""
        send(self.process, number)

    def close(self) -> None:
        """Ends the trial and removes its folder."""
        end_group(self.process)
        self.lock.release()
        shutil.rmtree(self.scratch, ignore_errors=True)


def sweep_abandoned(folder: Path) -> None:
    """Removes the folders of trials whose holder was killed."""
    for path in folder.glob(f"{PREFIX}*"):
        lock = FileLock(path / HELD)
        try:
            if not (path / HELD).is_file():  # just being made
                continue
            lock.acquire(timeout=0)
        except (Timeout, OSError):  # in use, or somebody else's
            continue
        shutil.rmtree(path, ignore_errors=True)
        lock.release()
