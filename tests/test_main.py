import ctypes
import os
import subprocess
import sys

import pytest
import torch

from vaecli.__main__ import KERNEL_CACHES
from vaecli.kernels.arithmetic import has_bf16, has_bf16_instructions

START = """
import os, sys
from vaecli.__main__ import main
sys.argv = ["vae", "--version"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
assert "torch" not in sys.modules
"""

GROWTH = """
import ctypes, torch
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena b c d e f g used h i".split()]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
weight = torch.ones(256, 1_000, dtype=torch.bfloat16)
def held(shapes):
    for rows in shapes:
        torch.mm(torch.ones(rows, 256, dtype=torch.bfloat16), weight)
    return libc.mallinfo2().used / 2**20
before = held(range(1, 401))
print(held(range(401, 801)) - before)
"""


def last_line(code, **changed):
    kept = {name: value for name, value in os.environ.items() if name not in KERNEL_CACHES}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**kept, **changed}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_capacities_are_set_before_torch_and_the_users_own_stay():
    show = START + f"print(*[os.environ[name] for name in {list(KERNEL_CACHES)}])"
    assert last_line(show) == " ".join(KERNEL_CACHES.values())
    assert last_line(show, ONEDNN_PRIMITIVE_CACHE_CAPACITY="7").split() == ["7", KERNEL_CACHES["LRU_CACHE_CAPACITY"]]


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the C library doesn't say what is held")
def test_batches_of_ever_new_shapes_do_not_fill_the_memory():
    if not (has_bf16_instructions() and has_bf16(torch.device("cpu"))):
        pytest.skip("kernels are compiled shape by shape on CPUs with bf16 instructions")
    assert float(last_line(START + GROWTH)) < 20  # MB; with the libraries' own capacities it is some 200
