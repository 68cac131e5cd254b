"""What a machine ran out of or forbids, in a line: memory, space on a disk, files, processes, a folder that is gone.

Such an error is no fault of this program, whichever library raised it, and so it is recognised in one place, by kind
where it has one and by the words of the library where it hasn't.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

SMALLER = (
    "lower training.batch_size or evaluation.batch_size, evaluation.iw_samples, corpus.max_length, corpus.max_vocab or "
    "the sizes of [model], or run fewer trials at a time (--jobs)"
)

NO_MEMORY = re.compile(
    r"can't allocate memory|cannot allocate memory|out of memory|not enough memory|failed to map segment"
    r"|std::bad_alloc|STATUS_ALLOC_FAILED|unable to mmap|storage size calculation overflowed"
    r"|could not (create|execute) a primitive",  # oneDNN
    re.IGNORECASE,
)
"""What torch, its backends and the loader of libraries say, in errors of no kind of their own."""

NO_THREADS = re.compile(r"can't start new thread|pthread_create|unable to create (new )?thread", re.IGNORECASE)

SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)|\bOs \{ code: (\d+),")
"""How libraries in Rust, such as safetensors, tell an error of the system; the second is that of safetensors 0.5."""

ASKED = re.compile(r"(?:tried|unable) to allocate ([\d.]+) ?([KMGTPE]iB|bytes)", re.IGNORECASE)
"""How much was asked for, as torch and numpy say it."""

FEWER = "lower --jobs or training.threads, or raise the limit (`ulimit -u`)"
REMEDIES_OF: Mapping[int, str] = {
    errno.ENOSPC: "free some space, or name a place on another disk",
    errno.EDQUOT: "free some of your quota, or name a place on another disk",
    errno.EFBIG: "the limit on the size of files is too low (`ulimit -f`), or the disk takes no larger ones",
    errno.EMFILE: "close other programs, lower --jobs, or raise the limit (`ulimit -n`)",
    errno.ENFILE: "the machine holds too many files open; close other programs",
    errno.EAGAIN: FEWER,
    errno.EACCES: "name a place that you may read and write, or change its permissions",
    errno.EPERM: "name a place that you may read and write, or change its permissions",
    errno.EROFS: "name a place on a disk that can be written",
    errno.ENOENT: "was it moved or removed meanwhile?",
    errno.ENOTDIR: "was it moved or removed meanwhile?",
    errno.ESTALE: "was it moved or removed meanwhile?",
    errno.EIO: "the disk or the connection to it fails",
    errno.ENAMETOOLONG: "choose a shorter name",
}
"""The way out, by number of the error."""


UNNAMED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of writing, which Python raises without the name of what is written."""


def shortage(error: BaseException) -> str:
    """What the machine ran out of or forbids, with the way out, in a line; empty for any other error.

    Args:
        error: Of any library.
    """
    text = str(error)
    system = SYSTEM_ERROR.search(text)
    if system:
        number = int(system[1] or system[2])
        return _system_line(number, os.strerror(number), text)
    if is_out_of_memory(error):
        return _memory_line(error, text)
    if isinstance(error, OSError) and error.errno is not None:
        return _system_line(error.errno, error.strerror or os.strerror(error.errno), _files(error))
    if isinstance(error, RuntimeError) and NO_THREADS.search(text):
        return f"no more threads can be started: {FEWER}"
    return shortage(error.__cause__) if error.__cause__ else ""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is short, of the machine or of a GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, not imported for it
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError | ImportError) and NO_MEMORY.search(str(error)) is not None


def _memory_line(error: BaseException, text: str) -> str:
    gpu = "cuda" in f"{type(error).__module__} {text}".lower() or "CUBLAS" in text or "CUDNN" in text
    match, asked = ASKED.search(text), ""
    if match:
        asked = f"{int(match[1]) / 2**20:,.0f} MiB" if match[2] == "bytes" else f"{match[1]} {match[2]}"
    what = "out of memory of the GPU" if gpu else "out of memory"
    return f"{what}{asked and f', at {asked} more'}: {SMALLER}"


def _system_line(number: int, reason: str, where: str) -> str:
    remedy = REMEDIES_OF.get(number, "")
    return f"{where}{where and ': '}{reason[:1].lower()}{reason[1:]}{remedy and '; '}{remedy}"


def _files(error: OSError) -> str:
    """The files that an error is of, as far as it says."""
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    unnamed = "stdout or a file" if error.errno in UNNAMED else ""
    return " -> ".join(names) or unnamed


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Bytes of this machine; 0 where the system doesn't say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0


def process_age() -> float:
    """Seconds since this process was started; 0 where the system doesn't tell."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
