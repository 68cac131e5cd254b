"""The page of each method: what it changes, where ours differs, our figures and the papers', all from their sources."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaecli.catalogue.methods_table import (
    Remedies,
    describe,
    load_remedies,
    methods_markdown_table,
    part_names,
    partners_text,
    parts_text,
    range_text,
    recipe_lines,
    summary,
)
from vaecli.catalogue.published import heading, line
from vaecli.catalogue.settings_table import toml_value
from vaecli.catalogue.update_times import update_text
from vaecli.core.messages import counted
from vaecli.reporting.formats import escape_markdown, markdown_table
from vaecli.settings.protocols import SHARED

FAMILIES: Mapping[str, str] = {
    "kl_weight": "the weight of the KL over time",
    "kl": "the KL term",
    "posterior": "the posterior",
    "prior": "the prior",
    "encoder": "the encoder",
    "encoder_input": "the encoder's input",
    "decoder": "the decoder",
    "decoder_input": "the decoder's input",
    "term": "added terms",
    "inference": "how it is trained",
    "step": "how it is trained",
    "phases": "how it is trained",
}
"""What a family of methods changes, by what their remedies own."""

BASELINES = ("lm", "ae", "vanilla")
FIGURES = ("rec", "kl", "neg_elbo", "iw_nll", "mi", "marginal_kl", "au")

Summary = Mapping[str, Mapping[str, str]]
"""The rows of a ``summary.csv`` by method."""

OwnSettings = Mapping[str, Mapping[str, Any]]
"""What a grid sets of a method's own settings, by method and key."""


def read_summary(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a ``summary.csv`` by method, those of the shared protocol."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row.get("training_protocol") or SHARED) == SHARED]
    return {row["method"]: row for row in rows}


def read_own_settings(path: Path) -> OwnSettings:
    """The tables ``[method.NAME]`` of the file of a grid: where its rows aren't of a method's defaults."""
    with open(path, "rb") as file:
        by_method: OwnSettings = tomllib.load(file).get("method", {})
    return by_method


def _text(text: str) -> str:
    """A text in Markdown; ``<`` as HTML has it, for which not every reader of Markdown knows a backslash."""
    return escape_markdown(text).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def families(remedies: Remedies) -> dict[str, list[str]]:
    """The methods of each family, baselines first; a method of several parts counts for the most special one."""
    order = ("posterior", "prior", "encoder", "decoder", "kl", "kl_weight", "inference", "step", "phases")
    result: dict[str, list[str]] = {"baselines": list(BASELINES)}
    for name, kind in remedies.items():
        if name in BASELINES:
            continue
        owned = part_names(kind)
        part = next((part for part in order if part in owned), owned[0])
        result.setdefault(FAMILIES[part], []).append(name)
    return result


def card(name: str, remedies: Remedies, ours: Summary, own: OwnSettings) -> str:
    """The page of a method in Markdown.

    Args:
        name: Of the remedy.
        remedies: Classes by name.
        ours: The summary of the grid of all methods.
        own: What that grid has in place of defaults.
    """
    facts = describe(name, remedies)
    kind = remedies[name]
    lines = [f"# `{name}`: {kind.title}", "", summary(kind), "", f"    {facts['equation']}", ""]
    lines += [f"- **Changes:** {parts_text(kind)}", f"- **Source:** {facts['paper']}"]
    if facts["needs"]:
        lines += [f"- **Needs:** {', '.join(facts['needs'])}"]
    lines += [f"- **Time of an update:** {update_text(name, kind.cost)}", f"- **Version:** {facts['version']}"]
    lines += [f"- **Composes with:** {partners_text(name, remedies)}", ""]
    if facts["deviations"]:
        lines += ["## Where it differs from its paper or its authors' code", ""]
        lines += [f"- {_text(text)}" for text in facts["deviations"]] + [""]
    lines += ["## How its paper trains it", "", "`--protocol published` trains it like this:", ""]
    lines += [f"- {_text(text)}" for text in recipe_lines(facts["recipe"])] + [""]
    lines += _hyper(name, facts["hyper_parameters"])
    if facts["undefined"]:
        lines += ["## Undefined figures", ""]
        lines += [f"- `{column}`: {_text(why)}" for column, why in facts["undefined"].items()] + [""]
    lines += _ours(name, ours, own)
    return "\n".join([*lines, *_printed(facts)]).rstrip() + "\n"


def _hyper(name: str, hyper: list[dict[str, Any]]) -> list[str]:
    if not hyper:
        return []
    rows = [
        [
            f"`{name}.{h['name']}`",
            f"`{h['default']}`",
            _code(range_text(h["range"])),
            _text(h["sensible"] or ""),
            _text(h["description"]),
        ]
        for h in hyper
    ]
    table = markdown_table(["setting", "default", "range", "sensible", "what it is"], rows, [False] * 5)
    return ["## Settings", "", table, ""]


def _ours(name: str, ours: Summary, own: OwnSettings) -> list[str]:
    """Our figures: the mean over seeds and half the 95 % interval, on the embedded corpus, and at which settings."""
    row = ours.get(name)
    if row is None:
        return []
    cells = []
    seeds = counted(int(row["trials"]), "seed")
    for figure in FIGURES:
        mean, low = row.get(f"{figure}_mean", ""), row.get(f"{figure}_low", "")
        half = f" ± {float(mean) - float(low):.2f}" if mean and low else ""
        cells.append(f"{float(mean):z.2f}{half}" if mean else "")
    table = markdown_table(list(FIGURES), [cells], [True] * len(FIGURES))
    others = ", ".join(f"`{name}.{key} = {toml_value(value)}`" for key, value in own.get(name, {}).items())
    told = f", which has {others} in place of the default{'s' * (len(own.get(name, {})) > 1)}" if others else ""
    return [
        "## Our figures",
        "",
        f"Embedded corpus, preset `quick`, {seeds}, nats per sentence, with half the 95 % interval",
        f"(`vae compare experiments/all/all.toml`{told}):",
        "",
        table,
        "",
    ]


def _printed(facts: Mapping[str, Any]) -> list[str]:
    if not facts["published"]:
        why = facts["no_published_figures"]
        return ["## Papers' figures", "", f"None: {why}"] if why else []
    lines = ["## Papers' figures", ""]
    shown = ""
    for row in facts["published"]:
        if (head := heading(row)) != shown:
            lines += ["", f"{_text(head)}", ""] if shown else [_text(head), ""]
            shown = head
        lines.append(f"- {_text(line(row))}")
    return lines


def methods_page(remedies: Remedies | None = None) -> str:
    """The page of all methods: a line for each family, then the table with what each composes with."""
    kinds = load_remedies() if remedies is None else remedies
    lines = [
        "# Methods",
        "",
        f"{len(kinds)} methods, each with its own page. `vae methods` lists them; `vae methods NAME` shows one.",
        "`+` composes methods that change different parts: `bn+linear_anneal`.",
        "",
    ]
    for family, names in families(kinds).items():
        links = ", ".join(f"[`{name}`](methods/{name}.md)" for name in names)
        lines.append(f"- **{family}**: {links}")
    return "\n".join([*lines, "", "## What composes with what", "", methods_markdown_table(kinds)]) + "\n"


def families_lines(remedies: Remedies | None = None) -> str:
    """The methods in a line a family, for the README."""
    kinds = load_remedies() if remedies is None else remedies
    return "\n".join(
        f"- **{family}**: {', '.join(f'`{name}`' for name in names)}" for family, names in families(kinds).items()
    )
