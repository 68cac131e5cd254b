"""The commands that ran the rows of a reproduction, each with its versions and machine."""

from __future__ import annotations

import platform
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from vaecli.reporting.formats import escape_markdown
from vaecli.runs.environment import describe_environment

Made = Mapping[str, Any]
"""Command, versions, platform and processor, and the ``rows`` that the command ran trials of; one of an earlier version
doesn't name its rows, and counts for all."""


def made_here() -> dict[str, Any]:
    """Command, versions, platform and processor; the host's name is nobody's business in a table."""
    return {key: value for key, value in describe_environment().items() if key != "host"}


def with_command(made: Sequence[Made], rows: Sequence[str], todo: Collection[str]) -> list[Made]:
    """The commands of before and that of this process, if it has trials to run or rows that no other has run.

    Args:
        made: Those of before.
        rows: That this command is about.
        todo: Of these, the rows with trials to run.
    """
    told = {row for one in made for row in one.get("rows", rows)}
    own = [row for row in rows if row in todo or row not in told]
    if not own:
        return list(made)
    here = made_here()
    for n, one in enumerate(made):
        if {key: value for key, value in one.items() if key != "rows"} == here:
            merged = dict(one)
            if "rows" in one:
                merged["rows"] = list(dict.fromkeys([*one["rows"], *own]))
            return [*made[:n], merged, *made[n + 1 :]]
    return [*made, {**here, "rows": own}]


def made_lines(made: Sequence[Made]) -> list[str]:
    """Commands, versions and machines as a list of Markdown; of several commands each names its rows.

    Versions and machine stand once, below all commands in a row that share them.
    """
    lines = []
    for n, one in enumerate(made):
        rows = ", ".join(one.get("rows", ())) if len(made) > 1 else ""
        lines.append(f"- command: `{one.get('command', '')}`" + (f" ({escape_markdown(rows)})" if rows else ""))
        if n + 1 == len(made) or _surroundings(made[n + 1]) != _surroundings(one):
            lines += [f"- {escape_markdown(text)}" for text in _surroundings(one)]
    return lines


def _surroundings(one: Made) -> tuple[str, str]:
    """Versions, and processor and platform."""
    versions = ", ".join(f"{name} {number}" for name, number in one.get("versions", {}).items())
    return versions, ", ".join(str(one[key]) for key in ("cpu", "platform") if one.get(key)) or platform.machine()
