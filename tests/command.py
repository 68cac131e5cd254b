"""``vae`` run as a user runs it, in a copy of a process that has imported it already: ``from command import vae``.

Importing torch takes longer than most of these runs. As under `vaecli.engines.nursery`, a copy made by ``fork`` is as
good as a new process, because the one that it is made of has computed nothing. What depends on the start of a process
(which modules are loaded, what is said before they are) is tested in processes of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path

SECONDS = 120
"""After which a run is killed."""


def vae(*words, cwd, variables=None) -> subprocess.CompletedProcess[str]:
    """Runs ``vae WORDS`` to its end.

    Args:
        words: The command line.
        cwd: Where it runs.
        variables: Of its environment, beside this process's own.

    Returns:
        Its exit code, negative for the signal that ended it, and what it printed.
    """
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(variables or {})}
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        request = {"words": list(map(str, words)), "cwd": str(cwd), "environment": environment}
        code = _ask({**request, "out": str(out), "err": str(err)})
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())


def _ask(request) -> int:
    server = _server()
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    assert answer, "the process that runs commands has ended"
    return int(answer)


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    server.stdin.close()
    server.wait()
    server.stdout.close()


def serve() -> None:
    """Runs the commands that lines of stdin ask for, one after another, and answers with their exit codes."""
    import vaecli.cli.app
    import vaecli.runs.trial  # noqa: F401
    from vaecli.__main__ import main

    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(request, main)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _become(request, main) -> None:
    """Makes this copy the command's process."""
    code = 1
    try:
        signal.alarm(SECONDS)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["environment"])
        files = [os.open(os.devnull, os.O_RDONLY)]
        files += [os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for name in ("out", "err")]
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
        sys.argv = ["vae", *request["words"]]
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
