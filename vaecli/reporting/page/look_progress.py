"""Looking at the models of a page one after the other, with what is going on told on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vaecli.core.messages import counted, tell
from vaecli.reporting.page.model_looks import Looks, Viewer
from vaecli.reporting.page.page_trials import PageTrial


def looks_of(sections: Sequence[Sequence[Sequence[PageTrial]]]) -> list[Looks | None]:
    """The looks of the rows of each section; one seed a row is read.

    Args:
        sections: For each section the trials of each row.
    """
    from rich.console import Console
    from rich.progress import Progress

    viewer, looks_by_section = Viewer(), [Looks() for _ in sections]
    total = sum(any(trial.trained for trial in trials) for rows in sections for trials in rows)
    tell(f"vae: reads {counted(total, 'model')} for codes and sentences; --without-models leaves that out")
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=total)
        for rows, looks in zip(sections, looks_by_section, strict=True):
            for number, trials in enumerate(rows):
                if any(trial.trained for trial in trials):
                    progress.update(task, description=trials[0].method)
                    viewer.look(trials, number, looks)
                    progress.advance(task)
                else:
                    viewer.look(trials, number, looks)
    return list(looks_by_section)
