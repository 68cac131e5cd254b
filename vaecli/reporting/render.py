"""From results to text in any format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError, unknown
from vaecli.reporting.by_protocol import protocol_views
from vaecli.reporting.formats import FORMATS, to_csv, to_json, to_latex, to_markdown
from vaecli.reporting.notes import ReportContext
from vaecli.reporting.paired import paired_views
from vaecli.reporting.table import build_views
from vaecli.reporting.terminal import Target, to_text

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.reporting.page.write_page import PageOptions
    from vaecli.reporting.view import View

BY = ("protocol",)
"""What a table may put side by side."""


def render(
    frame: pd.DataFrame,
    format: str = "table",
    columns: str | None = None,
    sort: str | None = None,
    baseline: str | None = None,
    per_trial: bool = False,
    *,
    ranked: bool = False,
    explain: bool = False,
    contexts: Mapping[str, ReportContext] | None = None,
    target: Target | None = None,
    page: PageOptions | None = None,
    by: str | None = None,
) -> str:
    """The report of a results table.

    Args:
        frame: A row a trial, as `results.csv` has it; undefined figures empty.
        format: One of `FORMATS`.
        columns: Names with commas between; None for the default set.
        sort: ``column``, ``column:asc`` or ``column:desc``; undefined figures last.
        baseline: A method; gives the table of paired differences to it.
        per_trial: A row a trial instead of a method.
        ranked: Whether the figures bear their ranks among the methods.
        explain: Whether the lines below a table explain each verdict.
        contexts: What is known of each experiment besides its results.
        target: What the text is written to; None for a UTF-8 stream of any width.
        page: What a page of HTML shows beside the table that the other arguments ask for.
        by: ``protocol`` puts each method's protocols side by side; a page does so of itself.

    Raises:
        UsageError: An unknown format, column or method, no trials, or options that exclude each other.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS, "--format")
    _check_together(format, baseline, per_trial, ranked, explain)
    _check_by(by, format, baseline is not None or per_trial or ranked or explain)
    for name in ("method", "status"):
        if name not in frame.columns:
            raise UsageError(f"the results have no column {name!r}; a report needs a results.csv that `vae` wrote")
    if format == "html":
        from vaecli.reporting.page.page_sections import TableChoice
        from vaecli.reporting.page.write_page import PageOptions, page_text

        table = TableChoice(columns, sort, baseline, per_trial, ranked)
        return page_text(frame, contexts or {}, table, page or PageOptions())
    if by is not None:
        views = protocol_views(frame, columns, sort, contexts)
    elif baseline is not None:
        views = paired_views(frame, baseline, columns, sort, contexts)
    else:
        rectangular = format in ("csv", "json")
        views = build_views(frame, columns, sort, per_trial, contexts, rectangular, ranked, explain)
    return _formatted(views, format, target or Target())


def _formatted(views: Sequence[View], format: str, screen: Target) -> str:
    """The tables in a format other than html."""
    if format == "csv":
        return to_csv(views)
    if format == "json":
        return to_json(views, screen.ascii_only)
    if format == "latex":
        return "\n".join(map(to_latex, views))
    if format == "markdown":
        return "\n".join(to_markdown(view, screen.ascii_only) for view in views)
    return "\n".join(to_text(view, screen) for view in views)


def _check_by(by: str | None, format: str, another: bool) -> None:
    """Refuses what tables can't be made by, and what doesn't go with it.

    Raises:
        UsageError: Of that kind.
    """
    if by is None:
        return
    if by not in BY:
        raise unknown("order", by, BY, "--by")
    if format == "html":
        raise UsageError("--by protocol: a page shows the protocols side by side of itself; leave --by out")
    if another:
        raise UsageError(
            "--by protocol is a table of its own; leave --baseline, --per-trial, --ranks and --explain out"
        )


def _check_together(format: str, baseline: str | None, per_trial: bool, ranked: bool, explain: bool) -> None:
    """Refuses options that exclude each other.

    Raises:
        UsageError: They do.
    """
    if baseline is not None and per_trial:
        raise UsageError("--baseline compares methods and --per-trial shows single trials; choose one")
    if ranked and (baseline is not None or per_trial):
        raise UsageError("--ranks ranks the means of methods; it goes with neither --baseline nor --per-trial")
    if explain and (baseline is not None or format in ("csv", "json")):
        other = f"{format} has no lines" if baseline is None else "--baseline has no verdicts"
        raise UsageError(f"--explain adds lines below a table of verdicts, and {other}; leave one out")
