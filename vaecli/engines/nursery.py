"""A process that imports everything once, and of which each trial is a copy: ``vae nursery PID``.

Importing torch takes two of the thirty seconds of a small trial, and reading its corpus another; a copy made by
``fork`` has both already. Each copy leads a process group of its own, writes to a log of its own, gets SIGTERM from the
kernel when this process dies, as this one does when the supervisor dies, and runs ``vae train --folder`` from its first
line.

A copy is as good as a new process because nothing here computes before it forks: torch and oneDNN start their threads
and choose their kernels at their first product, which is the trial's own. It is for Linux and trials on the CPU; CUDA
can't be used after a fork from a process that has used it, and trials on GPUs are started one by one.

On stdin it takes a line of JSON for each trial, ``{"folder": ..., "log": ..., "threads": ...}``; on stdout it gives one
for each start, ``{"folder": ..., "pid": ...}``, and one for each end, ``{"pid": ..., "status": ...}``, the status as
`os.waitpid` has it.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

import vaecli.runs.trial  # noqa: F401  (what a trial imports is imported here, once)
from vaecli.core.errors import VaeError
from vaecli.core.signals import STOPPING
from vaecli.corpus.load import keep_corpus
from vaecli.engines.guard import bind_to_parent
from vaecli.runs.folder import RunFolder

SECONDS = 0.05
"""Between two looks for copies that have ended."""


def keep_corpus_of(folder: Path) -> None:
    """Reads the corpus of a trial, for it and for all after it; one that can't be read is the trial's to tell."""
    with suppress(VaeError, OSError):
        keep_corpus(RunFolder(folder).config().corpus)


def become_trial(request: dict[str, Any], server: int, run_command: Callable[[], None]) -> int:
    """Makes this copy the trial's process, and runs it.

    Args:
        request: See the module.
        server: Process number of the one that it is a copy of.
        run_command: Runs the command in `sys.argv`.

    Returns:
        The exit code.
    """
    os.setpgid(0, 0)
    bind_to_parent()
    if os.getppid() != server:
        return 128 + signal.SIGTERM
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(number, target)
    os.close(log)
    os.close(nothing)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    torch.set_num_threads(int(request["threads"]))
    sys.argv = ["vae", "train", "--folder", str(request["folder"])]
    try:
        run_command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def start(request: dict[str, Any], run_command: Callable[[], None]) -> int:
    """The process number of a new copy; see `become_trial`."""
    server = os.getpid()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = become_trial(request, server, run_command)
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def tell(**values: Any) -> None:
    """A line for the supervisor."""
    os.write(1, (json.dumps(values) + "\n").encode())


def collect() -> None:
    """Tells of copies that have ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        tell(pid=pid, status=status)


def serve(supervisor: int, run_command: Callable[[], None]) -> int:
    """Serves until the supervisor closes its end.

    Args:
        supervisor: Process number that is expected as the parent.
        run_command: Runs the command in `sys.argv`, and ends as a program does.

    Returns:
        The exit code.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    bind_to_parent()
    if os.getppid() != supervisor:
        return 128 + signal.SIGTERM
    torch.set_num_threads(1)  # a copy wouldn't have the others; it sets its own number
    buffer = b""
    while True:
        ready, _, _ = select.select([0], [], [], SECONDS)
        collect()
        if not ready:
            continue
        data = os.read(0, 65536)
        if not data:
            return 0
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            keep_corpus_of(Path(request["folder"]))
            tell(folder=request["folder"], pid=start(request, run_command))
