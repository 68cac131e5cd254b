"""`vae methods`: every remedy, what it changes, what it composes with, and where it comes from."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vaecli.cli.completion import complete_method_or_new
from vaecli.core.messages import tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.table import Table

    from vaecli.remedies.core.remedy import Remedy
    from vaecli.reporting.terminal import Target

FORMATS = ("table", "markdown", "json")
NARROW = 60
"""Columns of a terminal below which the list is no table."""


def methods(
    method: Annotated[
        str | None,
        typer.Argument(
            metavar="[METHOD|new]",
            help="Show everything about this method.",
            show_default=False,
            autocompletion=complete_method_or_new,
        ),
    ] = None,
    new_name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="After `new`: write a package with a remedy.", show_default=False),
    ] = None,
    papers: Annotated[
        bool, typer.Option("--papers", help="List the papers whose names are methods, and what each ran.")
    ] = False,
    sensitivity: Annotated[
        bool,
        typer.Option(
            "--sensitivity", help="How much of each method's mi in the atlas is due to its learning rate and its knob."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects, as --format json.")] = False,
    format: Annotated[str, typer.Option("--format", help="table, markdown or json.")] = "table",
) -> None:
    """List the methods, or show one: equation, time of an update, hyper-parameters, partners, reference, figures.

    `vae methods new NAME` writes a package of your own with a remedy that works, its test and a checklist, into
    ./vae-NAME.
    """
    if new_name is not None or method == "new":
        write_new(method, new_name)
        return
    from vaecli.catalogue.methods_table import describe, methods_markdown_table
    from vaecli.remedies import canonical, load_all, make_method
    from vaecli.reporting.terminal import Target

    format = checked_format(format, as_json)
    if papers:
        check_papers(method, sensitivity, format)
        sys.stdout.write(papers_text(format == "json", Target.stdout()))
        return
    names = [] if method is None else canonical(method, "METHOD").split("+")
    if sensitivity:
        sys.stdout.write(sensitivity_text(names, format, Target.stdout()))
        return
    if len(names) > 1 and method is not None:
        for note in make_method(method).notes():  # says why, where they don't compose
            tell(note)
    remedies, broken = load_all()
    tell_of_others(names, broken)
    shown = names or list(remedies)
    if format == "json":
        values = [describe(name, remedies) for name in shown]
        sys.stdout.write(json.dumps(values, indent=2, ensure_ascii=not _utf8()) + "\n")
    elif format == "markdown":
        sys.stdout.write(methods_markdown_table(remedies, names or None) + "\n")
    elif method is None:
        sys.stdout.write(list_text(remedies, Target.stdout()))
    else:
        parts = [detail_text(name, remedies, Target.stdout()) for name in shown]
        sys.stdout.write("\n".join(parts))


def check_papers(method: str | None, sensitivity: bool, format: str) -> None:
    """Refuses what doesn't go with ``--papers``.

    Raises:
        UsageError: Of that kind.
    """
    from vaecli.core.errors import UsageError

    if method is not None:
        raise UsageError(f"--papers lists all papers; leave {method} out")
    if sensitivity:
        raise UsageError("--papers and --sensitivity are two tables; choose one")
    if format == "markdown":
        raise UsageError("--papers: no markdown of it; choose from table, json")


def checked_format(format: str, as_json: bool) -> str:
    """The format of the output.

    Raises:
        UsageError: There is none of that name, or two are asked for.
    """
    from vaecli.core.errors import UsageError, unknown

    if format not in FORMATS:
        raise unknown("format", format, FORMATS, "--format")
    if as_json and format == "markdown":
        raise UsageError("--json and --format markdown exclude each other; choose one")
    return "json" if as_json else format


def sensitivity_text(names: Sequence[str], format: str, target: Target) -> str:
    """Shares of variance in the atlas, a row a method; all that it has trials of without names."""
    from vaecli.atlas.trials_table import read_repeats, shipped
    from vaecli.catalogue.sensitivity_table import sensitivity_view
    from vaecli.remedies import REMEDIES
    from vaecli.reporting.formats import to_json, to_markdown
    from vaecli.reporting.terminal import to_text

    frame = shipped()
    tried = set(frame["method"])
    view = sensitivity_view(names or [name for name in REMEDIES if name in tried], frame, read_repeats())
    if format == "json":
        return to_json([view], ascii_only=not _utf8())
    return to_markdown(view, target.ascii_only) if format == "markdown" else to_text(view, target)


def papers_text(as_json: bool, target: Target) -> str:
    """The papers that are methods by name: a row each, or a list of objects."""
    from rich.text import Text

    from vaecli.catalogue.methods_table import recipe_values
    from vaecli.core.messages import printable
    from vaecli.remedies import remedy_class
    from vaecli.remedies.core.papers import PAPERS
    from vaecli.reporting.terminal import plain_table, tidy

    if as_json:
        values = [
            {
                "name": name,
                "method": paper.method,
                "source": paper.source,
                "recipe": recipe_values(remedy_class(paper.leads)),
            }
            for name, paper in PAPERS.items()
        ]
        return json.dumps(values, indent=2, ensure_ascii=not _utf8()) + "\n"
    table = plain_table(target)
    for head in ("paper", "method", "source"):
        table.add_column(head, overflow="fold")
    for name, paper in PAPERS.items():
        table.add_row(*(Text(printable(cell)) for cell in (name, paper.method, paper.source)))
    console = target.console()
    with console.capture() as captured:
        console.print(table)
        console.print(Text("each runs by its recipe (--protocol published) unless --protocol says otherwise"))
        console.print(Text("vae methods NAME shows the recipe of a paper's methods"))
    return tidy(captured.get(), target)


def write_new(word: str | None, name: str | None) -> None:
    """Writes a package with a remedy to begin with.

    Raises:
        UsageError: Another word than ``new``, no name, one that is in use, or a folder that holds such files already.
    """
    from pathlib import Path

    from vaecli.catalogue.scaffold import CHECKLIST, write_package
    from vaecli.core.errors import UsageError

    if word != "new" or not name:
        raise UsageError("write `vae methods new NAME` for a remedy of your own, or name one method")
    folder = Path(f"vae-{name.replace('_', '-')}")
    for path in write_package(name, folder):
        print(path)
    print(
        f"next: pip install -e {folder}, edit, pytest {folder}, vae compare --methods vanilla,{name}", file=sys.stderr
    )
    print(CHECKLIST, end="", file=sys.stderr)


def tell_of_others(names: Sequence[str], broken: Mapping[str, str]) -> None:
    """Says what became of remedies of other packages that can't be loaded or don't bear the name they ask for.

    Args:
        names: Of the remedies that are asked for; none where all are.
        broken: Why a remedy can't be loaded, by its name.

    Raises:
        UsageError: One that is asked for can't be loaded.
    """
    from vaecli.core.errors import UsageError
    from vaecli.remedies import plugin_notes

    for name, why in broken.items():
        told = f"method {name!r} can't be loaded: {why}"
        if name in names:
            raise UsageError(told)
        if not names:
            tell(f"vae: {told}")
    for note in () if names else plugin_notes():
        tell(f"vae: {note}")


def _utf8() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "ascii").lower().startswith("utf")


def list_text(remedies: Mapping[str, type[Remedy]], target: Target) -> str:
    """A row a remedy, or on a narrow terminal a paragraph, then the aliases."""
    from rich.text import Text

    from vaecli.catalogue.methods_table import parts_text, short_citation
    from vaecli.catalogue.update_times import load_update_times
    from vaecli.core.messages import printable
    from vaecli.remedies import ALIAS_NOTES, ALIASES, plugins
    from vaecli.reporting.terminal import hung, plain_table, tidy

    times = load_update_times()
    rows = [
        (
            name,
            kind.title,
            parts_text(kind),
            f"{times[name].ratio:.3g} x" if name in times else "-",
            short_citation(kind),
        )
        for name, kind in remedies.items()
    ]
    narrow = target.width is not None and target.width < NARROW
    table = plain_table(target)
    for head in ("method", "what it is", "changes", "update", "paper"):
        table.add_column(head, overflow="fold")
    console = target.console()
    with console.capture() as captured:
        for name, *rest in rows:
            table.add_row(*(Text(printable(cell)) for cell in (name, *rest)))
            if narrow:
                console.print(hung(Text(printable(f"{name}: {'; '.join(rest)}")), console))
        if not narrow:
            console.print(table)
        console.print(Text("update: measured time of an update over vanilla's, on a CPU"))
        console.print(Text("papers by name, such as he2019: vae methods --papers"))
        console.print(Text("aliases:"))
        for alias, name in ALIASES.items():
            console.print(hung(Text(f"  {alias} = {name}: {ALIAS_NOTES[alias]}"), console))
        others = {name: plugin for name, plugin in plugins().items() if name in remedies}
        if others:
            console.print(Text("of other packages:"))
        for name, plugin in others.items():
            console.print(hung(Text(printable(f"  {name}: {plugin.origin}")), console))
        console.print(Text("compose with +, such as bn+linear_anneal; vae methods NAME shows one"))
    return tidy(captured.get(), target)


def detail_text(name: str, remedies: Mapping[str, type[Remedy]], target: Target) -> str:
    """All about one remedy."""
    from rich.text import Text

    from vaecli.catalogue.methods_table import describe, recipe_lines, summary
    from vaecli.core.messages import printable
    from vaecli.reporting.terminal import hung, tidy

    values = describe(name, remedies)
    console = target.console()
    with console.capture() as captured:
        console.print(Text(f"{name}: {printable(values['title'])}", style="bold"))
        console.print(Text(printable(summary(remedies[name]))))
        for label, text in _entries(values).items():
            entry = Text(f"{label}: ", style="bold").append(printable(text), style="not bold")
            console.print(hung(entry, console))
        if values["hyper_parameters"]:
            console.print(Text("hyper-parameters:", style="bold"))
        for item in values["hyper_parameters"]:
            console.print(hung(Text("  " + printable(_hyper_line(name, item))), console))
        if values["deviations"]:
            console.print(Text("differs from its paper or its authors' code:", style="bold"))
        for text in values["deviations"]:
            console.print(_item(printable(text)))
        console.print(Text("how its paper trains it (--protocol published):", style="bold"))
        for text in recipe_lines(values["recipe"]):
            console.print(_item(printable(text)))
        for text, style in _published(values):
            console.print(hung(Text(printable(text), style=style), console))
    return tidy(captured.get(), target)


def _item(text: str) -> Table:
    """An item of a list, its further lines under its first word."""
    from rich.table import Table
    from rich.text import Text

    item = Table.grid()
    item.add_row("  - ", Text(text))
    return item


def _clashes_text(name: str, clashes: Mapping[str, list[str]]) -> str:
    """The remedies that one can't be composed with, gathered by the first thing that keeps each apart."""
    from vaecli.catalogue.methods_table import BY_DEFAULT

    gathered: dict[str, list[str]] = {}
    for other, (reason, *_) in clashes.items():
        own, needed = f"{name} needs ", f"{other} needs "
        if reason.startswith(own):
            why = "needs " + reason.removeprefix(own)
        elif reason.startswith(needed):
            why = "takes away " + reason.removeprefix(needed)
        elif reason.startswith(BY_DEFAULT):
            why = reason
        else:
            why = "both change " + reason
        gathered.setdefault(why, []).append(other)
    return "; ".join(f"{why}: {', '.join(others)}" for why, others in gathered.items())


def _entries(values: Mapping[str, Any]) -> dict[str, str]:
    """What is said of a remedy, by label."""
    from vaecli.catalogue.update_times import update_text

    return {
        "equation": values["equation"],
        "changes": ", ".join(values["owns"]) or "nothing",
        "needs": ", ".join(values["needs"]) or "nothing",
        "time of an update": update_text(values["name"], values["cost"]),
        "composes with": ", ".join(values["composes_with"]) or "none",
        "clashes with": _clashes_text(values["name"], values["clashes_with"]) or "none",
        "undefined": "; ".join(f"{column}: {why}" for column, why in values["undefined"].items()) or "none",
        "version": f"{values['version']}, of {values['package']} {values['package_version']}",
        "reference": values["paper"],
    }


def _published(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines on what papers print for a remedy, each with its style; none where the file is not there."""
    from itertools import groupby

    from vaecli.catalogue.published import heading, line

    if values["published"]:
        yield "published figures:", "bold"
    elif values["no_published_figures"]:
        yield f"published figures: none; {values['no_published_figures']}", ""
    for head, rows in groupby(values["published"], key=heading):
        yield f"  {head}:", ""
        yield from ((f"    {line(row)}", "") for row in rows)


def _hyper_line(name: str, item: Mapping[str, Any]) -> str:
    """``bn.gamma = 0.6 (x > 0; sensible 0.3 to 1): fixed scale``, the key as `--set` takes it."""
    from vaecli.catalogue.methods_table import range_text

    limits, default = range_text(item["range"]), item["default"]
    shown = f"{default:.6g}" if isinstance(default, float) and len(str(default)) > 10 else default
    sensible = f"sensible {item['sensible']}" if item["sensible"] else ""
    told = "; ".join(filter(None, [limits, sensible]))
    return f"{name}.{item['name']} = {shown}" + (f" ({told})" if told else "") + f": {item['description']}"
