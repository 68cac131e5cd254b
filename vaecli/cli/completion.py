"""What a shell completes: names of methods and presets, keys of settings, columns, folders of runs.

Each takes what has been typed of a word and gives whole words. Nothing is said on stderr, whatever fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from glob import escape, glob
from pathlib import Path

Completion = Callable[[str], list[str]]

MOST_FOLDERS = 500
"""Entries of a folder that are looked at; the shell waits."""


def quiet(complete: Completion) -> Completion:
    """The completion, nothing where it fails: a shell has no use for an error."""

    @wraps(complete)
    def tried(incomplete: str) -> list[str]:
        with suppress(Exception):
            return complete(incomplete)
        return []

    return tried


def continued(incomplete: str, separators: str, names: Iterable[str]) -> list[str]:
    """Words that end in one of the names, after the last separator typed; names that are there already are left out."""
    cut = max(incomplete.rfind(separator) for separator in separators) + 1
    head, rest = incomplete[:cut], incomplete[cut:]
    used = head.replace("+", ",").split(",")
    return [head + name for name in names if name.startswith(rest) and name not in used]


@quiet
def complete_methods(incomplete: str) -> list[str]:
    """``bn,va`` to ``bn,vanilla``."""
    from vaecli.remedies import SPELLINGS, method_names

    return continued(incomplete, ",+", [*method_names(), *SPELLINGS])


@quiet
def complete_preset(incomplete: str) -> list[str]:
    """``p`` to ``ptb``."""
    from vaecli.settings.presets import preset_names

    return continued(incomplete, ",", preset_names())


@quiet
def complete_key(incomplete: str) -> list[str]:
    """``tr`` to ``training.``, ``bn.`` to ``bn.gamma``; a remedy's keys are looked up once its name is whole."""
    from vaecli.config import GROUPS
    from vaecli.remedies import method_names
    from vaecli.settings.known_keys import keys_of

    owner, dot, _ = incomplete.partition(".")
    if dot:
        return [key for name in keys_of(owner) if (key := f"{owner}.{name}").startswith(incomplete)]
    owners = [name for name in (*GROUPS, *method_names()) if name.startswith(incomplete)]
    return [f"{owner}." for owner in owners]


@quiet
def complete_set(incomplete: str) -> list[str]:
    """Keys as `complete_key`, with ``=`` after whole ones."""
    return [key if key.endswith(".") else f"{key}=" for key in complete_key(incomplete)]


@quiet
def complete_columns(incomplete: str) -> list[str]:
    """``kl,m`` to ``kl,mi``."""
    from vaecli.metrics.schema import COLUMNS

    return continued(incomplete, ",", COLUMNS)


@quiet
def complete_run(incomplete: str) -> list[str]:
    """Folders of runs below what has been typed; without any of it, in the folder of experiments."""
    return folders(incomplete, marker="run.json", depth=3)


@quiet
def complete_experiment(incomplete: str) -> list[str]:
    """Folders of experiments below what has been typed; without any of it, in the folder of experiments."""
    return sorted({*folders(incomplete, "results.csv", 1), *folders(incomplete, "experiment.toml", 1)})


@quiet
def complete_source(incomplete: str) -> list[str]:
    """Folders of experiments, within one those of its runs; where there are none, the shell completes files itself."""
    return complete_experiment(incomplete) or complete_run(incomplete)


@quiet
def complete_run_or_file(incomplete: str) -> list[str]:
    """Folders of runs as `complete_run`, and files of settings."""
    return [*sorted(glob(escape(incomplete) + "*.toml")), *complete_run(incomplete)]


@quiet
def complete_method_or_new(incomplete: str) -> list[str]:
    """A method, or ``new``."""
    return [*complete_methods(incomplete), *(["new"] if "new".startswith(incomplete) else [])]


@quiet
def complete_objective(incomplete: str) -> list[str]:
    """``mi``, ``hypervolume``."""
    from vaecli.settings.search import HYPERVOLUME, JUDGED

    return [name for name in (*JUDGED, HYPERVOLUME) if name.startswith(incomplete)]


@quiet
def complete_table(incomplete: str) -> list[str]:
    """``k`` to ``kim2018``."""
    from vaecli.reproduction.paper_tables import table_names

    return [name for name in table_names() if name.startswith(incomplete)]


@quiet
def complete_row(incomplete: str) -> list[str]:
    """``vae-oracle,sv`` to ``vae-oracle,svi-oracle``, of any table; a picture takes any methods, or ``all``."""
    from vaecli.remedies import method_names
    from vaecli.reproduction.paper_tables import load_table, table_names

    rows = dict.fromkeys(row.name for table in table_names() for row in load_table(table).rows)
    return continued(incomplete, ",", dict.fromkeys([*rows, "all", *method_names()]))


@quiet
def complete_tracker(incomplete: str) -> list[str]:
    """``tensorboard,ml`` to ``tensorboard,mlflow``."""
    from vaecli.trackers import TRACKERS

    return continued(incomplete, ",", TRACKERS)


@quiet
def complete_engine(incomplete: str) -> list[str]:
    """``l`` to ``local``."""
    from vaecli.engines.choice import EXTRAS

    return [name for name in EXTRAS if name.startswith(incomplete)]


def folders(incomplete: str, marker: str, depth: int) -> list[str]:
    """Folders that hold a file, at most so many levels below the last whole folder of a path."""
    typed = incomplete or (os.environ.get("VAE_OUT") or "runs") + "/"
    parent = typed[: typed.rfind("/") + 1]
    level, held = [parent], []
    for _ in range(depth):
        level = [f"{above}{name}/" for above in level for name in _subfolders(above or ".")]
        level = [path for path in level if path.startswith(typed)]
        held += [path.rstrip("/") for path in level if os.path.isfile(path + marker)]
    return sorted(held)


def _subfolders(folder: str) -> list[str]:
    with suppress(OSError), os.scandir(Path(folder)) as entries:
        return sorted(entry.name for _, entry in zip(range(MOST_FOLDERS), entries, strict=False) if entry.is_dir())
    return []
