"""What `vae tune` prints of its searches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaecli.corpus.types import Corpus
    from vaecli.engines.candidates import Candidate
    from vaecli.engines.tuning import Search


def show_searches(searches: Sequence[Search], corpus: Corpus, json: bool) -> None:
    """The trials as JSON, or what came of each search."""
    if json:
        from json import dumps

        print(dumps([row(search, candidate) for search in searches for candidate in search.candidates], indent=2))
        return
    from rich.text import Text

    from vaecli.core.messages import printable
    from vaecli.reporting.terminal import Target, hung, plain_table, tidy

    target = Target.stdout()
    table = plain_table(target)
    for head in ("method", "trials", "epochs", *searches[0].objective.columns, "settings"):
        table.add_column(head, overflow="fold", justify="left" if head in ("method", "settings") else "right")
    for search in searches:
        for cells in summary_rows(search):
            table.add_row(*(Text(printable(cell)) for cell in cells))
    console = target.console()
    with console.capture() as captured:
        console.print(table)
        for text in remarks(searches, corpus):
            console.print(hung(Text(text), console))
    sys.stdout.write(tidy(captured.get(), target))


def row(search: Search, candidate: Candidate) -> dict[str, Any]:
    """A trial as plain values."""
    judged = search.objective.judges(candidate.figures)
    return {
        "method": candidate.method,
        "settings": dict(candidate.values),
        "status": candidate.status,
        "epochs": candidate.epochs,
        "figures": dict(candidate.figures),
        "keeps_limit": search.objective.excess(candidate.figures) <= 0 if judged else None,
        "run": str(candidate.path),
    }


def summary_rows(search: Search) -> list[list[str]]:
    """The best trial of a search, or for rate and distortion the trials of its front."""
    from vaecli.engines.candidates import front

    best = search.best()
    shown = [best] if best else front(search.candidates) if len(search.objective.columns) > 1 else []
    ends = [candidate.status for candidate in search.candidates]
    told = ", ".join(f"{ends.count(end)} {end}" for end in ("done", "pruned", "diverged", "failed") if end in ends)
    heads = [[search.method, told, str(search.spent)], *[["", "", ""]] * max(0, len(shown) - 1)]
    empty = ["-"] * len(search.objective.columns)
    rows = [
        [*(f"{c.figures[name]:z.2f}" for name in search.objective.columns), values_text(c.values)] for c in shown
    ] or [[*empty, "no trial ended" if not ends.count("done") else "no trial has the figures"]]
    return [[*head, *cells] for head, cells in zip(heads, rows, strict=True)]


def values_text(values: Any) -> str:
    """``bn.gamma=0.52``."""
    return ", ".join(f"{key}={value}" for key, value in values.items())


def remarks(searches: Sequence[Search], corpus: Corpus) -> list[str]:
    """What the table doesn't say."""
    from math import log

    from vaecli.corpus.unigram import unigram_nll
    from vaecli.engines.candidates import hypervolume

    lines = ["figures of the best validation of each trial; the tables have those of the test split"]
    for search in searches:
        best = search.best()
        if best and search.objective.excess(best.figures) > 0:
            over = search.objective.excess(best.figures)
            lines.append(f"{search.method}: no trial keeps to the limit; this one breaks it least, by {over:.2f}")
    if len(searches[0].objective.columns) > 1:
        corner = log(len(corpus.train)), unigram_nll(corpus, corpus.valid)
        lines.append(f"hypervolume below kl {corner[0]:.2f} (log of train's sentences), rec {corner[1]:.2f} (unigram):")
        lines += [f"  {search.method}: {hypervolume(search.candidates, corner):.2f}" for search in searches]
    return lines
