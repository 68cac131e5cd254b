"""Published tables that `vae reproduce` runs: ``papers/NAME.toml``, a part of the package wherever it is installed.

A file says what the table is of, the settings that all of its rows share, and its rows: a method with settings of its
own, and what the paper prints for it. Figures that stand in ``published.toml`` are named there, by paper, table and the
row's setting, and not copied; nor are the rows of another table, whose name stands in their stead. `kind` says what
reproduces it; every file has it, `title` and `about`, and the rest is that kind's own.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from vaecli.catalogue.published import FIGURES, load_published
from vaecli.config import GROUPS
from vaecli.core.errors import UsageError, unknown
from vaecli.core.names import folder_name
from vaecli.core.nested import flatten
from vaecli.metrics.schema import column
from vaecli.remedies import canonical
from vaecli.settings.protocols import PROTOCOL_KEY, PUBLISHED, SHARED, leading

ROWS = "rows"
"""The kind of a table whose rows are methods, each run over seeds."""
POSTERIORS = "posteriors"
"""The kind of a picture of methods in one grid: their posteriors while they train, for which nothing is in print."""

SHOWN = ("ppl_iw", "kl", "mi")
"""Columns of a row that has no figure in print, where its table names none."""

COLUMN_OF_NLL = {"exact": "iw_nll", "iw": "iw_nll", "bound": "neg_elbo"}
"""Our column for a printed NLL, by its estimator; the other kinds are estimators that we don't have."""
COLUMN_OF_PPL = {"exact": "ppl_iw", "iw": "ppl_iw", "bound": "ppl_elbo"}

IW_PPL, BATCH_MI, OWN_SCALE = "ppl is of the iw kind", "mi within batches", "rec on a scale of its own"
"""Words of a table's note that say of another estimator than its `nll_kind`."""

OTHER_TOKENS = ("without </s>", "</s> in no count", "TweetTokenizer", "padding counts as words")
"""Words of a note by which a source counts other tokens than we do: ``</s>``, but neither ``<s>`` nor padding."""

TOP_LEVEL = frozenset(
    {"kind", "title", "about", "data", "seeds", "preset", "settings", "source", "notes", "rows", "shown"}
)
POSTERIOR_KEYS = frozenset(
    {"kind", "title", "about", "data", "seeds", "preset", "settings", "notes", "methods", "shows", "source"}
)
KEYS = {ROWS: TOP_LEVEL, POSTERIORS: POSTERIOR_KEYS}
"""What the file of a table of each kind may have at its top."""
ROW_KEYS = frozenset({"name", "label", "method", "settings", "setting", "figures", "from", "note"})


@dataclass(frozen=True)
class Printed:
    """A figure in print.

    Attributes:
        column: Of our results, or one of `vaecli.reproduction.comparison.DERIVED`, that it compares with.
        value: As printed.
        source: Paper and table.
        confirmed: False for a figure from memory, which nobody has looked up.
        same_tokens: Whether the source counts the tokens that we count, without which no likelihood compares.
    """

    column: str
    value: float
    source: str
    confirmed: bool = True
    same_tokens: bool = True


@dataclass(frozen=True)
class PaperRow:
    """A row of a table.

    Attributes:
        name: Of its folder.
        label: As displays call it, no other row of its table by the same.
        method: In its one spelling.
        settings: Its own, by dotted key, beside those of the table.
        printed: What the paper prints for it; none where it has no such row.
        note: What is to be known of it.
    """

    name: str
    label: str
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    printed: tuple[Printed, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class PaperTable:
    """A published table, or another result of a paper.

    Attributes:
        name: Of its file.
        kind: What reproduces it.
        title: In a few words.
        about: In a sentence or two: what it shows, and how long it takes.
        values: All that the file says.
        preset: The rows' preset.
        seeds: As ``--seeds`` takes them.
        settings: Of all rows, by dotted key.
        notes: Lines below the table.
        rows: In their order.
        shown: Columns of the rows that have no figure in print.
    """

    name: str
    kind: str
    title: str
    about: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    preset: str = "quick"
    seeds: str = "0"
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rows: tuple[PaperRow, ...] = ()
    shown: tuple[str, ...] = SHOWN

    def shared_settings(self, row: PaperRow) -> dict[str, Any]:
        """What the table says for a row, by dotted key; a method without a recipe isn't trained twice the same way."""
        settings = self.settings_for([row.method])
        protocols = settings.get(PROTOCOL_KEY)
        if isinstance(protocols, list) and leading(row.method)[0] is None:
            settings[PROTOCOL_KEY] = [name for name in protocols if name != PUBLISHED] or [SHARED]
        return settings

    def settings_for(self, methods: Iterable[str]) -> dict[str, Any]:
        """The table's settings by dotted key, those of remedies that are no part of any of the methods left out."""
        owners = {*GROUPS, *(part for method in methods for part in method.split("+"))}
        return {key: value for key, value in self.settings.items() if key.partition(".")[0] in owners}


def table_names() -> list[str]:
    """Names of all tables."""
    folder = files("vaecli.reproduction").joinpath("papers")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


@cache
def load_table(name: str) -> PaperTable:
    """A table by its name.

    Raises:
        UsageError: There is none of this name; the nearest is told.
    """
    if name not in table_names():
        raise unknown("table", name, table_names(), way="vae reproduce --list")
    text = files("vaecli.reproduction").joinpath("papers", f"{name}.toml").read_text(encoding="utf-8")
    return read_table(name, tomllib.loads(text))


def read_table(name: str, values: Mapping[str, Any]) -> PaperTable:
    """A table from the values of its file.

    Raises:
        UsageError: A key or a column is unknown, or a row names a figure that `published.toml` hasn't.
    """
    kind = values.get("kind", ROWS)
    head = {key: values[key] for key in ("title", "about")}
    if kind not in KEYS:
        return PaperTable(name, kind, **head, values=values)
    if wrong := sorted(set(values) - KEYS[kind]):
        raise UsageError(f"{name}.toml: no key {wrong[0]!r}; a table of {kind} has {', '.join(sorted(KEYS[kind]))}")
    if kind == POSTERIORS:
        rows = tuple(PaperRow(folder_name(method), method, method) for method in map(canonical, values["methods"]))
    elif isinstance(values["rows"], str):  # of that table, whose figures are of its own settings
        rows = tuple(replace(row, printed=()) for row in load_table(values["rows"]).rows)
    else:
        rows = _told_apart([_row(name, row, values.get("source", {})) for row in values["rows"]])
    return PaperTable(
        name,
        kind,
        **head,
        values=values,
        preset=values.get("preset", "quick"),
        seeds=str(values.get("seeds", "0")),
        settings=flatten(values.get("settings", {})),
        notes=tuple(values.get("notes", ())),
        rows=rows,
        shown=tuple(column(shown, f"{name}.toml, shown").name for shown in values.get("shown", SHOWN)),
    )


def _row(table: str, row: Mapping[str, Any], source: Mapping[str, Any]) -> PaperRow:
    if wrong := sorted(set(row) - ROW_KEYS):
        raise UsageError(f"{table}.toml: a row has no key {wrong[0]!r}; it has {', '.join(sorted(ROW_KEYS))}")
    method = canonical(row["method"])
    name = row.get("name") or folder_name(method)
    printed = _own_figures(row, source)
    if "setting" in row or "from" in row:
        origin = {**source, **row.get("from", {})}
        printed += printed_figures(_published_row(f"{table}.toml, {name}", method, row.get("setting"), origin))
    return PaperRow(
        name, row.get("label", method), method, flatten(row.get("settings", {})), printed, row.get("note", "")
    )


def _told_apart(rows: Sequence[PaperRow]) -> tuple[PaperRow, ...]:
    """The rows, those that share a label under their names: ``beta-0.2`` and ``beta-0.4`` of two that are ``beta``."""
    labels = Counter(row.label for row in rows)
    return tuple(replace(row, label=row.name) if labels[row.label] > 1 else row for row in rows)


def _own_figures(row: Mapping[str, Any], source: Mapping[str, Any]) -> tuple[Printed, ...]:
    """The figures that a row itself says."""
    said = {"confirmed": True, **source, **row.get("from", {})}
    cited = ", ".join(str(said[key]) for key in ("paper", "table") if key in said)
    return tuple(
        Printed(column, float(value), cited, said["confirmed"]) for column, value in row.get("figures", {}).items()
    )


def _published_row(where: str, method: str, setting: str | None, origin: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one row of `published.toml` that is meant, with all that its table says.

    Raises:
        UsageError: There is none, or there are several.
    """
    wanted = {key: origin[key] for key in ("paper", "table", "dataset") if key in origin}
    wanted |= {"method": canonical(origin.get("method", method))} | ({} if setting is None else {"setting": setting})
    rows = [row for row in published_rows() if all(row.get(key, "") == value for key, value in wanted.items())]
    if len(rows) != 1:
        raise UsageError(f"{where}: published.toml has {len(rows)} rows of {wanted}, and one is needed")
    return rows[0]


def published_rows(data: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """All rows of `published.toml`, each with what its table says.

    Args:
        data: As `load_published` gives it; None loads it.
    """
    rows = []
    for table in (load_published() if data is None else data)["published"]:
        common = {key: value for key, value in table.items() if key not in ("rows", "note")}
        common |= {"table_note": table["note"]} if "note" in table else {}
        rows += [common | row for row in table["rows"]]
    return rows


def printed_figures(row: Mapping[str, Any]) -> tuple[Printed, ...]:
    """The figures of a row of `published.toml` by our columns; those of estimators that we don't have are left out."""
    note, kind = row.get("table_note", ""), row.get("nll_kind", "")
    columns: dict[str, str | None] = {
        "nll": COLUMN_OF_NLL.get(kind),
        "ppl": COLUMN_OF_PPL.get("iw" if IW_PPL in note else kind),
        "mi": "mi_batch" if BATCH_MI in note else "mi",
        "rec": None if OWN_SCALE in note else "rec",
    }
    if row["method"] == "lm":  # what is exact is in both columns, and a bound is no name for it
        columns |= {"nll": "iw_nll", "ppl": "ppl_iw"}
    source = ", ".join(part for part in (row["paper"], row.get("table", "")) if part)
    same = not any(words in f"{note}; {row.get('note', '')}" for words in OTHER_TOKENS)
    pairs = [(columns.get(name, name), row[name]) for name in FIGURES if name in row]
    return tuple(Printed(c, float(value), source, same_tokens=same) for c, value in pairs if c is not None)
