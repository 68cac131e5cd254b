"""The page from results: what each of its parts shows, and its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import vaecli
from vaecli.reporting.notes import ReportContext
from vaecli.reporting.page.library import chart_library, check_page_packages
from vaecli.reporting.page.page_phases import MARKS, phase_panels
from vaecli.reporting.page.page_sections import PageSection, TableChoice, page_sections
from vaecli.reporting.page.page_settings import commands, corpus_notes, environments
from vaecli.reporting.view import decimals, number
from vaecli.runs.statistics import Interval

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.reporting.page.model_looks import Looks

Printed = Mapping[str, Any]
"""A published figure: its source, method, setting, corpus and figures."""
FIGURES = (("nll", "iw_nll"), ("ppl", "ppl_iw"), ("rec", "rec"), ("kl", "kl"), ("mi", "mi"), ("au", "au"))
"""Published figures and our columns beside them."""


def nothing_published(method: str) -> list[Printed]:
    """No published figure of any method."""
    return []


@dataclass(frozen=True)
class PageOptions:
    """What a page shows beside its tables.

    Attributes:
        models: Whether the checkpoints are read, for codes, sentences and schedules.
        command: That made the page.
        notes: On how the results were read.
        published: The figures that papers print for a method.
    """

    models: bool = True
    command: str = ""
    notes: Sequence[str] = ()
    published: Callable[[str], Sequence[Printed]] = field(default=nothing_published)


def page_text(
    frame: pd.DataFrame, contexts: Mapping[str, ReportContext], table: TableChoice, options: PageOptions
) -> str:
    """The page of results, one self-contained HTML document.

    Args:
        frame: A row a trial.
        contexts: What is known of each experiment besides.
        table: The table that it begins with.
        options: What it shows besides.

    Raises:
        UsageError: A package is missing, there are no trials, or a column or method is unknown.
    """
    check_page_packages()
    sections = page_sections(frame, contexts, table)
    for section, looks in zip(sections, _looks(sections, options.models), strict=True):
        section.take(looks)
    return _render(sections, table, options)


def _looks(sections: Sequence[PageSection], models: bool) -> list[Looks | None]:
    """What the models of each section show; torch is imported here."""
    if not models or not any(trial.trained for section in sections for trial in section.all_trials):
        return [None] * len(sections)
    from vaecli.reporting.page.look_progress import looks_of

    return looks_of([section.rows for section in sections])


def _render(sections: Sequence[PageSection], table: TableChoice, options: PageOptions) -> str:
    import pandas as pd
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("vaecli.reporting.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates = files("vaecli.reporting.page").joinpath("templates")
    trials = [trial for section in sections for trial in section.all_trials]
    printed = published_rows(sections, options.published)
    tail = [("published", "Published figures beside ours")] if printed else []
    tail += [("environment", "Environment")] + ([("reading", "How the results were read")] if options.notes else [])
    phases = phase_panels(pd.concat([section.frame for section in sections], ignore_index=True))
    tail = ([("phases", "Phase diagrams")] if phases else []) + tail
    text: str = environment.get_template("page.html.j2").render(
        title=page_title(sections),
        version=vaecli.__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        command=options.command,
        sections=sections,
        tail=tail,
        baseline=table.baseline,
        per_trial=table.per_trial,
        models=options.models,
        published=printed,
        phases=phases,
        marks=MARKS,
        environment=environments(trials),
        commands=commands(trials),
        corpus_notes=corpus_notes(trials),
        notes=options.notes,
        css=templates.joinpath("page.css").read_text(encoding="utf-8"),
        script=templates.joinpath("page.js").read_text(encoding="utf-8"),
        library=chart_library(),
    )
    return text


def page_title(sections: Sequence[PageSection]) -> str:
    """``vae report: experiment quick``, or how many tables the page holds."""
    names = list(dict.fromkeys(name for section in sections if (name := section.experiment)))
    return f"vae report: {', '.join(names)}" if names else "vae report"


def published_rows(
    sections: Sequence[PageSection], published: Callable[[str], Sequence[Printed]]
) -> list[dict[str, Any]]:
    """For each method with figures in print, our rows and then those, as cells."""
    rows: list[dict[str, Any]] = []
    methods = dict.fromkeys(group.method for section in sections for group in section.groups)
    for method in methods:
        printed = published(method)
        if not printed:
            continue
        for section in sections:
            ours = [g for g in section.groups if g.method == method]
            rows += [_our_row(section, g.label, {name: g.summary(column) for name, column in FIGURES}) for g in ours]
        rows += [_printed_row(row) for row in printed]
    return rows


def _our_row(section: PageSection, label: str, figures: Mapping[str, Interval | None]) -> dict[str, Any]:
    cells = {name: _figure(figure, column) for (name, column), figure in zip(FIGURES, figures.values(), strict=True)}
    seeds = max((figure.n for figure in figures.values() if figure), default=0)
    kind = "iw" if figures["nll"] else "-"
    told = f"{seeds} seed{'s' if seeds != 1 else ''}"
    return {"ours": True, "source": "ours", "cells": _cells(label, told, section.corpus, cells, kind)}


def _figure(figure: Interval | None, column: str) -> str:
    """A mean with half its interval."""
    if figure is None:
        return "-"
    half = figure.half
    places = decimals([figure.mean], [half] if half else [], column)
    return number(figure.mean, places) + (f" ±{number(half, places)}" if half else "")


def _printed_row(row: Printed) -> dict[str, Any]:
    cells = {name: f"{row[name]:g}" if name in row else "-" for name, _ in FIGURES}
    setting = "; ".join(str(row[name]) for name in ("setting", "note") if row.get(name)) or "-"
    kind = str(row["nll_kind"]) if "nll" in row else "-"
    return {
        "ours": False,
        "source": row["source"],
        "cells": _cells(row["method"], setting, row["dataset"], cells, kind),
    }


def _cells(method: str, setting: str, corpus: str, cells: Mapping[str, str], kind: str) -> list[str]:
    return [method, setting, corpus, cells["nll"], kind, *(cells[name] for name in ("ppl", "rec", "kl", "mi", "au"))]
