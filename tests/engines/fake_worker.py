"""Stands in for a trial: does to its run folder what the first line of ``plan`` says, and takes that line off.

Run as ``python fake_worker.py FOLDER``; imports nothing of the program.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

folder = Path(sys.argv[1])


def say(**fields):
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.tmp").write_text(json.dumps(run | fields))
    os.replace(folder / "run.tmp", folder / "run.json")


def stop(number, frame):
    with open(folder / "signals", "a") as file:
        file.write(f"{number}\n")
    if step != "deaf":
        say(status="interrupted", message="saved")
        sys.exit(128 + number)


for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    if signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
        signal.signal(getattr(signal, name), stop)
plan = folder / "plan"
steps = plan.read_text().split() if plan.exists() else ["done"]
step = steps[0]
plan.write_text("\n".join(steps[1:] or steps))
with open(folder / "attempts", "a") as file:
    file.write(
        f"{os.getpid()} {os.getppid()} {os.environ['OMP_NUM_THREADS']} {os.environ.get('CUDA_VISIBLE_DEVICES')}\n"
    )
say(status="running", message="")
print("working", flush=True)
if step == "done":
    with open(folder / "history.csv", "w") as file:
        file.write("epoch,kl\n1,0.5\n")
    (folder / "metrics.json").write_text(json.dumps({"values": {"rec": 20.0, "kl": 0.5}}))
    time.sleep(0.1)
    say(status="done")
elif step == "fail":
    print("\x1b[31mvae: no such file: x\x1b[0m\n", file=sys.stderr)
    say(status="running")
    sys.exit(3)
elif step == "explain":
    say(status="failed", message="DataError: bad corpus")
    sys.exit(3)
elif step == "diverge":
    say(status="diverged", message="step 3: the training kl is inf")
    sys.exit(4)
elif step == "silent":
    sys.exit(0)
elif step == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
elif step == "break":
    (folder / "run.json").unlink()
    sys.exit(1)
else:  # sleep, or deaf to signals
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.02)
