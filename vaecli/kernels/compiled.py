"""The LSTM in C (``lstm.c``), compiled by the machine's own compiler at first use and kept in the cache.

oneDNN's LSTM spends its time between small products on processors with AVX2; there this one takes its place, in
float32. It is held against torch's LSTM each time it is loaded. Where there is no compiler, or the result differs,
oneDNN's runs: the same function, rounded otherwise. ``VAE_COMPILED_KERNELS=0`` asks for that; ``run.json`` says, among
its surroundings, which it was.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from vaecli.core.errors import UsageError
from vaecli.core.files import cache_folder

VARIABLE = "VAE_COMPILED_KERNELS"
SOURCE = Path(__file__).with_name("lstm.c")
FLAGS = ("-O3", "-mavx2", "-mfma", "-ffp-contract=off", "-shared", "-fPIC", "-pthread")
LANES = 8
"""Hidden units come in vectors of so many."""

COMPILE_SECONDS = 60.0
AGREEMENT = 1e-5
"""By which a result may differ from torch's before the library is refused."""


def wanted() -> bool:
    """Whether `VARIABLE` leaves the compiled kernels on.

    Raises:
        UsageError: It is neither ``1`` nor ``0`` nor empty.
    """
    value = os.environ.get(VARIABLE, "")
    if value not in ("", "0", "1"):
        raise UsageError(f"{VARIABLE}={value}: give 0 for torch's own LSTM, or 1")
    return value != "0"


def _compiler() -> str | None:
    own = os.environ.get("CC", "").split()[:1]
    return next((path for name in (*own, "cc", "gcc", "clang") if (path := shutil.which(name))), None)


def _is_own(path: Path) -> bool:
    """Whether nobody else may write there: what is loaded is run."""
    about = path.stat()
    return about.st_uid == os.getuid() and not about.st_mode & 0o022


def _built(folder: Path) -> ctypes.CDLL | None:
    """The library in a folder of the user's own, compiled where it isn't there or is damaged; None where that fails."""
    compiler = _compiler()
    if compiler is None:
        return None
    named = hashlib.sha256(
        b"\0".join([SOURCE.read_bytes(), *(word.encode() for word in (*FLAGS, compiler))])
    ).hexdigest()
    library = folder / f"lstm-{named[:32]}.so"
    # another process may compile too: each writes a file of its own, and the last rename wins
    temporary = folder / f".{library.name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_own(folder):
            return None
        with suppress(OSError):
            if _is_own(library):
                return ctypes.CDLL(str(library))
        command = [compiler, *FLAGS, "-o", str(temporary), str(SOURCE)]
        subprocess.run(command, check=True, capture_output=True, timeout=COMPILE_SECONDS)
        temporary.chmod(0o700)
        os.replace(temporary, library)
        return ctypes.CDLL(str(library))
    except (OSError, subprocess.SubprocessError):
        return None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _loaded() -> ctypes.CDLL | None:
    """From the cache; from a folder that lasts until the library is loaded where there is none."""
    kept = cache_folder()
    library = None if kept is None else _built(kept / "kernels")
    if library is not None:
        return library
    with tempfile.TemporaryDirectory(prefix="vae-kernels-") as folder:
        return _built(Path(folder))


class LSTMLibrary:
    """The two functions of ``lstm.c`` on tensors: float32, contiguous, time first, gates in the order i, f, g, o.

    Args:
        library: Compiled from `SOURCE`.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        number, pointer = ctypes.c_long, ctypes.c_void_p
        library.lstm_forward.argtypes = [*[number] * 5, *[pointer] * 6]
        library.lstm_backward.argtypes = [*[number] * 4, *[pointer] * 7]
        self._library = library

    def forward(
        self,
        weight: Tensor,
        inputs: Tensor,
        constant: Tensor | None,
        states: Tensor,
        cells: Tensor,
        gates: Tensor | None,
    ) -> None:
        """Fills states and cells, and the gates where they are kept.

        Args:
            weight: (4H, H) recurrent weights.
            inputs: (T, B', 4H) ``W x + b``; row r of B reads row ``r % B'``.
            constant: (B, 4H) added at each step.
            states: (T + 1, B, H), the first being the initial one.
            cells: (T + 1, B, H) like the states; without gates (B, H), overwritten by the last one.
            gates: (T, B, 4H); it may be `inputs`.
        """
        steps, words, _ = inputs.shape
        _, rows, hidden = states.shape
        tensors = (weight, inputs, constant, gates, states, cells)
        self._call(self._library.lstm_forward, (steps, rows, hidden, words, torch.get_num_threads()), tensors)

    def backward(
        self,
        weight: Tensor,
        gates: Tensor,
        cells: Tensor,
        d_states: Tensor,
        d_gates: Tensor,
        d_hidden: Tensor,
        d_cell: Tensor,
    ) -> None:
        """Fills the gradients of the gates' sums and of the initial state.

        Args:
            weight: (4H, H).
            gates: (T, B, 4H) and
            cells: (T + 1, B, H), as `forward` left them.
            d_states: (T, B, H) gradients of the states.
            d_gates: (T, B, 4H) is written.
            d_hidden: (B, H) of the last state beside d_states, usually 0; that of the initial state replaces it.
            d_cell: (B, H) the same of the last cell.
        """
        steps, rows, hidden = d_states.shape
        tensors = (weight, gates, cells, d_states, d_gates, d_hidden, d_cell)
        self._call(self._library.lstm_backward, (steps, rows, hidden, torch.get_num_threads()), tensors)

    @staticmethod
    def _call(function: Callable[..., int], sizes: Sequence[int], tensors: Sequence[Tensor | None]) -> None:
        assert all(t is None or (t.is_contiguous() and t.dtype == torch.float32) for t in tensors)
        if function(*sizes, *(None if t is None else t.data_ptr() for t in tensors)):
            raise MemoryError("the LSTM's packed weights")


def agrees(library: LSTMLibrary) -> bool:
    """Whether a small LSTM has torch's states and gradients."""
    generator = torch.Generator().manual_seed(0)
    steps, rows, hidden = 4, 5, 5 * LANES
    plainly = torch.autocast("cpu", enabled=False)  # whatever the caller does, the answer is kept
    with plainly, torch.random.fork_rng(devices=[]), torch.enable_grad():
        lstm = torch.nn.LSTM(hidden, hidden, bias=False)
        draw = [torch.randn(n, rows, hidden, generator=generator) for n in (steps, 1, 1, steps)]
        x, h0, c0, upstream = draw
        w_x, w_h = (torch.randn(4 * hidden, hidden, generator=generator) / 4 for _ in range(2))
        lstm.load_state_dict({"weight_ih_l0": w_x, "weight_hh_l0": w_h})
        started = [h0.requires_grad_(), c0.requires_grad_()]
        expected: Tensor = lstm(x, (h0, c0))[0]
        d_h0, d_c0 = torch.autograd.grad(expected, started, upstream)
    with plainly, torch.no_grad():
        gates = x @ w_x.T
        states, cells = (torch.cat([first, torch.zeros(steps, rows, hidden)]).contiguous() for first in (h0, c0))
        d_gates, d_hidden, d_cell = torch.empty_like(gates), torch.zeros(rows, hidden), torch.zeros(rows, hidden)
        library.forward(w_h, gates, None, states, cells, gates)
        library.backward(w_h, gates, cells, upstream, d_gates, d_hidden, d_cell)
        pairs = ((states[1:], expected), (d_hidden, d_h0[0]), (d_cell, d_c0[0]))
        return all(bool((ours - theirs).abs().max() <= AGREEMENT * (1 + theirs.abs().max())) for ours, theirs in pairs)


@cache
def _library() -> LSTMLibrary | None:
    if torch.backends.cpu.get_cpu_capability() != "AVX2":
        return None  # with AVX-512 oneDNN's is faster, and other processors can't run this one
    loaded = _loaded()
    if loaded is None:
        return None
    library = LSTMLibrary(loaded)
    return library if agrees(library) else None


def lstm_library() -> LSTMLibrary | None:
    """The compiled LSTM; None where it is switched off, can't be had or gains nothing."""
    return _library() if wanted() else None
