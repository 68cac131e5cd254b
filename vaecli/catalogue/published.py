"""What papers print for the methods: ``published.toml``, a part of the package wherever it is installed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

FIGURES = ("nll", "ppl", "rec", "kl", "mi", "au")

KL_WEIGHTS = frozenset(
    {
        "ae",
        "beta",
        "ciwae",
        "control",
        "cyclical",
        "dreg",
        "geco",
        "iwae",
        "linear_anneal",
        "mim",
        "sigmoid_anneal",
        "soft_free_bits",
        "tanh_anneal",
        "wae",
    }
)
"""The remedies that own the KL weight; named here, so that the file is read without importing any of them."""


SETTINGS: tuple[tuple[str, str, str, Callable[[str], float]], ...] = (
    ("bn", r"gamma=([\d.]+)", "gamma", float),
    ("beta", r"beta=([\d.]+)", "beta", float),
    ("delta", r"(?:delta=)?([\d.]+)", "delta", float),
    ("vmf", r"kappa[ =](\d+).*", "kappa", float),
    ("cyclical", r"M=(\d+)", "cycles", int),
    ("dg", r"\|b\|=(\d+)", "subset", int),
    ("free_bits", r"(?:target |lambda=)?(\d+)", "target", float),
    ("free_bits", r"free bits target (\d+) .*", "target", float),
    ("free_bits", r"lambda=(\d+)(?: per dimension|, beta=\d+)", "target", lambda text: 32 * float(text)),
    ("mu_forcing", r"(?:beta|var)=([\d.]+).*|lambda=\d+, beta=(\d+)", "margin", float),
    ("word_dropout", r".*word-keep ([\d.]+)", "rate", lambda text: 1 - float(text)),
)
"""What a row's setting says of a remedy: its name, a pattern, the hyper-parameter, and what the group in it means."""


@cache
def load_published() -> dict[str, Any]:
    """The file's values."""
    text = files("vaecli.catalogue").joinpath("published.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def subjects(method: str) -> set[str]:
    """The remedies that a row of a composition is about: all of it but a KL weight that goes along with others."""
    parts = set(method.split("+"))
    return parts - KL_WEIGHTS or parts


def figures_of(name: str, data: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows about a remedy, each with all that its table says, in the order of the file.

    Args:
        name: The remedy.
        data: As `load_published` gives it; None loads it.
    """
    figures = []
    for table in (load_published() if data is None else data)["published"]:
        common = {key: value for key, value in table.items() if key not in ("rows", "note")}
        if "note" in table:
            common["table_note"] = table["note"]
        figures += [common | row for row in table["rows"] if name in subjects(row["method"])]
    return figures


def settings_of(row: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Remedy, hyper-parameter and value, for each that a row's setting names."""
    for remedy, pattern, key, convert in SETTINGS:
        match = re.fullmatch(pattern, row.get("setting", ""))
        if match and remedy in row["method"].split("+"):
            yield remedy, key, convert(next(filter(None, match.groups())))


def printed_for(method: str) -> list[dict[str, Any]]:
    """The rows about any part of a method, each with its `source`, for whoever shows them beside other figures."""
    rows = [row for part in sorted(subjects(method)) for row in figures_of(part)]
    return [{**row, "source": heading(row)} for n, row in enumerate(rows) if row not in rows[:n]]


def heading(row: Mapping[str, Any]) -> str:
    """``Zhu et al. 2020, arXiv:2004.12585, Tables 1 and 8 (500 samples, mean of 5 runs)``."""
    arxiv = f"arXiv:{row['arxiv']}" if "arxiv" in row else ""
    note = f" ({row['table_note']})" if "table_note" in row else ""
    return ", ".join(part for part in (row["paper"], arxiv, row.get("table", "")) if part) + note


def line(row: Mapping[str, Any]) -> str:
    """``bn+linear_anneal on Yahoo, gamma=0.6: nll 326.7 (iw), kl 6.2, mi 5.6, au 32``."""
    where = f"{row['method']} on {row['dataset']}" + (f", {row['setting']}" if "setting" in row else "")
    figures = [f"{name} {row[name]:g}" for name in FIGURES if name in row]
    if "nll" in row:
        figures[0] += f" ({row['nll_kind']})"
    return f"{where}: {', '.join(figures)}" + (f"; {row['note']}" if "note" in row else "")
