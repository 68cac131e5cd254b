"""``vae watch``: an experiment that another process, or another machine, works on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaecli.cli.completion import complete_source
from vaecli.cli.options import experiments_folder, finite

if TYPE_CHECKING:
    from vaecli.cli.lookout import Lookout
    from vaecli.reporting.board import Scene

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]",
        help="Folder of an experiment, a method or a run; by default the most recent experiment in runs.",
        show_default=False,
        autocompletion=complete_source,
    ),
]
Once = Annotated[bool, typer.Option("--once", help="Print the view once and end.")]
Period = Annotated[
    float,
    typer.Option(
        "--period", metavar="SECONDS", min=0.2, callback=finite, help="Seconds between two looks at the files."
    ),
]

ASCII = str.maketrans({"━": "#", "─": "-", "…": "~", "≥": ">"})
"""What stands for characters that a stream doesn't have."""

IDLE_SECONDS = 5.0
"""Without anybody at work, after which there is nothing to wait for."""


def watch(folder: Folder = None, once: Once = False, period: Period = 2.0) -> None:
    """Show an experiment at work, from its files only: what runs, what is done, what failed, the time left.

    It writes nothing and takes no lock, ends when the experiment does, and may be ended with Ctrl-C at any time.
    """
    from vaecli.cli.lookout import Lookout
    from vaecli.runs.find_watched import find_watched

    lookout = Lookout(find_watched(folder if folder is not None else experiments_folder()), period)
    if once:
        print_once(lookout.scene())
    else:
        wait(lookout)
    check_end(lookout.scene(), lookout)


def print_once(scene: Scene) -> None:
    """The whole view on stdout, as wide as a terminal is, or 100 columns."""
    import os

    from rich.console import Console
    from rich.text import Text

    from vaecli.reporting.board import board

    console = Console(highlight=False, markup=False)
    known = console.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    width = console.width if known else 100
    lines = board(scene, width)
    if not console.is_terminal or not console.encoding.lower().startswith("utf"):
        text = "".join(f"{line.plain.rstrip()}\n" for line in lines)
        sys.stdout.write(text if console.encoding.lower().startswith("utf") else text.translate(ASCII))
        return
    console.print(Text("\n").join(lines), soft_wrap=True)


def wait(lookout: Lookout) -> None:
    """Shows the experiment until it ends, on a terminal as a board, elsewhere in plain lines."""
    from vaecli.cli.grid import LiveGrid, follow, is_screen
    from vaecli.core.messages import escaped

    idle_since: float | None = None

    def ended() -> bool:
        nonlocal idle_since
        scene = lookout.scene()
        now = time.monotonic()
        idle_since = None if is_worked_on(scene, lookout) else idle_since or now
        over = scene.over and not lookout.works()  # between two rounds of `vae tune`, more trials are to come
        return over or (idle_since is not None and now - idle_since >= max(IDLE_SECONDS, 2 * lookout.period))

    if is_screen(sys.stdout):
        with LiveGrid(lookout, sys.stdout):
            while not ended():
                time.sleep(min(lookout.period, 0.5))
        print_once(lookout.scene())
        return
    for _ in follow(lookout, lambda line: print(escaped(line), flush=True)):
        if ended():
            return
        time.sleep(lookout.period)


def is_worked_on(scene: Scene, lookout: Lookout) -> bool:
    """Whether a trial runs, or a process that will start the next one lives."""
    return lookout.works() or any(trial.state == "running" for trial in scene.trials)


def check_end(scene: Scene, lookout: Lookout) -> None:
    """Raises what the trials have earned, once nobody works on them.

    Raises:
        TrialsFailedError: Some are not done, a line each but for those that were not begun.
    """
    from vaecli.cli.grid import state_text
    from vaecli.core.errors import TrialsFailedError
    from vaecli.core.messages import counted

    bad = [trial for trial in scene.trials if trial.state != "done"]
    if not bad or is_worked_on(scene, lookout):
        return
    lines = [f"{trial.name}: {state_text(trial)}" for trial in bad if trial.state != "waiting"]
    if waiting := len(bad) - len(lines):
        lines.append(f"{waiting} not begun")
    goes_on = "" if scene.over else "; nobody works on them, and the command that began them goes on"
    share = f"{len(bad)} of {counted(len(scene.trials), 'trial')} not done"
    raise TrialsFailedError(f"{share}{goes_on}\n  " + "\n  ".join(lines))
