import ctypes
import os
import signal
import subprocess
import sys
import warnings

import pytest
import torch

from vaecli.__main__ import KERNEL_CACHES, _answer, _run
from vaecli.core.signals import STOPPING
from vaecli.kernels.arithmetic import has_bf16, has_bf16_instructions
from vaecli.training.interrupt import StopNowError

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


def test_what_the_encoding_of_stdout_lacks_is_escaped():
    show = START + "print('gr\\u00f6\\u00dfe', '\\u65b9', '\\udcff')"
    assert last_line(show, PYTHONIOENCODING="ascii") == r"gr\xf6\xdfe \u65b9 \udcff"
    assert last_line(show, PYTHONIOENCODING="utf-8") == "größe 方 \\udcff"


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the C library doesn't say what is held")
def test_batches_of_ever_new_shapes_do_not_fill_the_memory():
    if not (has_bf16_instructions() and has_bf16(torch.device("cpu"))):
        pytest.skip("kernels are compiled shape by shape on CPUs with bf16 instructions")
    assert float(last_line(START + GROWTH)) < 20  # MB; with the libraries' own capacities it is some 200


VAE = [sys.executable, "-m", "vaecli"]


def run_main(code, *arguments, **options):
    """`vae` with another program behind its command line."""
    words = ["vae", *map(str, arguments)]
    script = (
        f"import sys, vaecli.cli.app as cli\nsys.argv = {words!r}\n{code}\nfrom vaecli.__main__ import main\nmain()"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("words", [["--help"], ["methods", "--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_stdout_is_said_in_a_line(words, unbuffered):
    buffering = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*VAE, *words], stdout=full, stderr=subprocess.PIPE, env=buffering, text=True, check=False
        )
    assert done.returncode == 6
    assert done.stderr.startswith("vae: stdout or a file: no space left on device; free some space")
    assert done.stderr.count("\n") == 1


def test_a_closed_stdout_and_a_full_stderr_are_no_faults():
    shell = f"{sys.executable} -m vaecli"
    closed = subprocess.run(["sh", "-c", f"{shell} --version >&-"], capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, "")
    full = subprocess.run(["sh", "-c", f"{shell} report nowhere 2>/dev/full"], capture_output=True, check=False)
    assert full.returncode == 2


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("def app(): raise MemoryError", 6, "vae: out of memory: lower training.batch_size"),
        ("def app(): import torch; torch.empty(2**50)", 6, "vae: out of memory, at 4,294,967,296 MiB more"),
        ("def app(): open('gone/away', 'w')", 6, "vae: gone/away: no such file or directory; was it moved"),
        ("def app(): sys.exit(3)", 3, ""),
        ("def app(): sys.exit('words')", 1, ""),
    ],
)
def test_what_the_machine_lacks_ends_in_a_line(code, exit_code, said, tmp_path):
    done = run_main(f"{code}\ncli.app = app", cwd=tmp_path)
    assert done.returncode == exit_code
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == (said != "")


def test_a_fault_shows_its_traceback_and_asks_for_a_report():
    done = run_main("def app(): raise ValueError('odd \\x1b[31m')\ncli.app = app")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "ValueError: odd \\x1b[31m" in done.stderr
    assert done.stderr.rstrip().endswith("`vae --version`")


def test_a_folder_that_is_gone(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    shell = f"rmdir {gone}; exec {sys.executable} -m vaecli train --data corpus"
    done = subprocess.run(["sh", "-c", shell], cwd=gone, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (6, "vae: the working folder is gone: go to one that is there\n")


def test_too_few_open_files():
    script = "import resource, sys; from vaecli.__main__ import main; sys.argv = ['vae', 'methods']\n"
    script += "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "too many open files; close other programs, lower --jobs, or raise the limit" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [["report", "{}"], ["train", "--data", "{}"], ["evaluate", "{}", "--probe"], ["generate", "{}"], ["{}"]]
)
def test_control_characters_of_the_users_are_escaped(words, tmp_path):
    odd = "a\x1b[31mb\rc\nvae: done\x07"
    done = subprocess.run(
        [*VAE, *(word.format(odd) for word in words)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode in (2, 3)
    assert "\\x1b[31m" in done.stderr
    assert not set("\x1b\r\x07") & set(done.stderr)
    assert not any(line.startswith("vae: done") for line in done.stderr.split("\n"))


@pytest.mark.parametrize("number", STOPPING)
def test_every_signal_that_asks_to_stop_ends_a_command_cleanly(number):
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("ignored where the tests run, under nohup")
    code = """
import time, vaecli.cli.app as cli
def app():
    print("ready", flush=True)
    time.sleep(60)
cli.app = app
from vaecli.__main__ import main
main()
"""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (128 + number, "")


@pytest.mark.parametrize("number", STOPPING)
def test_clicks_own_answer_to_an_interrupt_keeps_the_number(number):
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("ignored where the tests run, under nohup")
    code = f"import os\n@cli.app.command()\ndef wait(): os.kill(os.getpid(), {int(number)})"
    done = run_main(code, "wait")
    assert (done.returncode, done.stderr) == (128 + number, "")


def test_a_signal_between_two_handlers_is_no_fault_of_the_program(capsys):
    assert _answer(StopNowError(signal.SIGTERM)) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == ""


@pytest.mark.filterwarnings("default")
def test_a_warning_is_a_line_without_the_program_s_own(monkeypatch, capsys):
    monkeypatch.setattr("vaecli.cli.app.app", lambda: warnings.warn("of two\nlines", stacklevel=1))
    assert _run() == 0
    assert capsys.readouterr().err == "vae: warning: of two\\nlines\n"
