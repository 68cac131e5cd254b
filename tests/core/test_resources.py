import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vaecli.core.resources import shortage


def raised(function, *arguments):
    with pytest.raises(BaseException) as caught:  # noqa: PT011  (whichever a library raises is the matter)
        function(*arguments)
    return caught.value


def rethrown(cause):
    raise ImportError("a library can't be loaded") from cause


class OutOfMemoryError(RuntimeError):
    """Of the name and words of torch's."""


CUDA = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 14.58 GiB of which 2 GiB is free."
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: raised(torch.empty, 2**50), "out of memory, at 4,294,967,296 MiB more: lower training.batch_size"),
        (lambda: raised(torch.empty, 2**31, 2**31, 2**31), "out of memory: lower training.batch_size"),
        (lambda: raised(np.empty, 2**50), "out of memory, at 8.00 PiB more: lower training.batch_size"),
        (lambda: raised(bytes, 2**60), "out of memory: lower training.batch_size"),
        (lambda: OutOfMemoryError(CUDA), "out of memory of the GPU, at 20.00 GiB more: lower"),
        (lambda: RuntimeError("CUDA error: out of memory"), "out of memory of the GPU: lower"),
        (
            lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when"),
            "out of memory of the GPU: lower",
        ),
        (lambda: ImportError("libtorch.so: failed to map segment from shared object"), "out of memory: lower"),
        (lambda: OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory: lower"),
        (lambda: RuntimeError("could not create a primitive"), "out of memory: lower"),
        (lambda: raised(rethrown, MemoryError()), "out of memory: lower"),
        (lambda: RuntimeError("can't start new thread"), "no more threads can be started: lower --jobs"),
        (lambda: OSError(errno.ENOSPC, "No space left on device", "runs/a"), "runs/a: no space left on device; free"),
        (lambda: OSError(errno.ENOSPC, "No space left on device"), "stdout or a file: no space left on device; free"),
        (lambda: OSError(errno.EMFILE, "Too many open files"), "too many open files; close other programs"),
        (lambda: raised(os.listdir, "/no/such"), "/no/such: no such file or directory; was it moved"),
        (lambda: OSError(errno.EXDEV, "Invalid link", "a", None, "b"), "a -> b: invalid link"),
        (
            lambda: raised(save_file, {"a": torch.zeros(1)}, "/no/such/file"),
            "no such file or directory; was it moved or removed meanwhile?",
        ),
        (
            lambda: RuntimeError('IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })'),
            "no space left on device; free",
        ),
    ],
)
def test_what_the_machine_lacks_is_said_with_the_way_out(error, said):
    line = shortage(error())
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "error",
    [
        ValueError("out of memory"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ImportError("no module"),
        OSError("of no number"),
        KeyError(28),
        AssertionError(),
    ],
)
def test_a_fault_of_the_program_is_none(error):
    assert shortage(error) == ""


def test_a_process_knows_its_age():
    code = "import time; time.sleep(0.3); from vaecli.core.resources import process_age; print(process_age())"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.3 <= float(process.stdout) < 30 or not sys.platform.startswith("linux")
