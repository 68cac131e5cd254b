"""What finished searches found: ``tune/searches.json`` in the folder of their experiment, an entry a method.

`vae tune` writes it, ``--protocol tuned`` reads it. The settings of one grid are of searches with equal budgets, so
that no method was searched longer than another.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vaecli.config import GROUPS, build_config
from vaecli.core.errors import DataError, UsageError
from vaecli.core.files import dump_json, write_atomic
from vaecli.core.nested import flatten, writable
from vaecli.remedies.core.sensible import range_text
from vaecli.settings.presets import load_preset, preset_names
from vaecli.settings.protocols import TUNED
from vaecli.settings.search import declared_space

FILE = Path("tune") / "searches.json"
FORMAT = 1
USUAL: Mapping[str, Any] = {"objective": "neg_elbo", "seed": 0}
"""What a search has where no option says otherwise."""
ALIKE = ("corpus", "model")
"""Groups that a search and the grid that takes its settings must share, beside the number of epochs."""

Entry = Mapping[str, Any]


def write_search(experiment: Path, method: str, entry: Entry) -> None:
    """Keeps what the search of a method came to.

    Args:
        experiment: Folder of the search's trials.
        method: That was tuned.
        entry: ``values``, the best settings by key; ``budget`` and ``epochs`` of a trial; ``objective``; ``finished``,
            whether the budget was spent; ``seed``; ``ranges``, what was searched as ``--range`` takes it, by key;
            ``settings``, see `shared_settings`.
    """
    known = _read(experiment / FILE)
    (experiment / FILE).parent.mkdir(parents=True, exist_ok=True)
    write_atomic(experiment / FILE, dump_json({"format": FORMAT, "searches": {**known, method: dict(entry)}}))


def known_search(experiment: Path, method: str) -> Entry | None:
    """What is kept of the last search of a method in an experiment's folder; None without one.

    Raises:
        DataError: The file of searches is damaged or of another version.
    """
    return _read(experiment / FILE).get(method)


def differences(entry: Entry, other: Entry) -> list[str]:
    """By what a search is another than one that is kept, a phrase each: ``bn.gamma 0.2..0.8 instead of 0.3..1.0``.

    Args:
        entry: Of the one that is kept; one of before told no ranges.
        other: Of the other one.
    """
    texts = [f"{key} {other[key]} instead of {entry[key]}" for key in USUAL if entry.get(key, other[key]) != other[key]]
    before, now = entry.get("ranges", other["ranges"]), other["ranges"]
    for key in dict.fromkeys((*before, *now)):
        if before.get(key) != now.get(key):
            texts.append(f"{key} {now.get(key, 'not searched')} instead of {before.get(key, 'not searched')}")
    return texts


def _read(path: Path) -> dict[str, Any]:
    """The entries of a file by method; none where there is none.

    Raises:
        DataError: It is damaged or of another version.
    """
    try:
        data = json.loads(path.read_bytes())
        if data["format"] == FORMAT:
            return dict(data["searches"])
    except OSError:
        return {}
    except (ValueError, KeyError, TypeError):
        pass
    raise DataError(f"{path}: it isn't what this version of vae tune writes; run the search again")


def shared_settings(groups: Mapping[str, Any]) -> dict[str, Any]:
    """What a search and a grid must share, by key: of which corpus and sizes, and how many epochs.

    Args:
        groups: Settings that all methods share, by group.
    """
    config = build_config({group: dict(groups[group]) for group in GROUPS if group in groups})
    tables = {name: writable(getattr(config, name).model_dump(mode="json")) for name in ALIKE}
    return flatten(tables) | {"training.epochs": config.training.epochs}


def search_command(
    method: str,
    wanted: Mapping[str, Any],
    preset: str,
    out: Path | None,
    options: Mapping[str, Any],
    ranges: Mapping[str, str] | None = None,
) -> str:
    """The `vae tune` that searches a method for a grid with some settings.

    Args:
        method: In its one spelling.
        wanted: What the grid and the search share, by key; see `shared_settings`.
        preset: Of the grid; what it says isn't said again.
        out: Folder of experiments; its usual one without.
        options: Further ones, by name without dashes, before the others.
        ranges: What is searched, by key; those that the method declares aren't said again.
    """
    usual = shared_settings(load_preset(preset if preset in preset_names() else "quick"))
    told = {**options, "epochs": wanted["training.epochs"], "preset": preset if preset != "quick" else None}
    told["data"] = wanted["corpus.data"] if wanted["corpus.data"] != usual["corpus.data"] else None
    words = ["vae", "tune", method]
    words += [word for name, value in told.items() if value is not None for word in (f"--{name}", str(value))]
    declared = {key: range_text(values) for key, values in declared_space(method).items()}
    own = {key: values for key, values in (ranges or {}).items() if declared.get(key) != values}
    words += [word for key, values in own.items() for word in ("--range", f"{key}={values}")]
    others = {key: value for key, value in wanted.items() if key not in ("training.epochs", "corpus.data")}
    words += [word for key, value in others.items() if value != usual[key] for word in ("--set", f"{key}={value}")]
    return shlex.join([*words, *(["--out", str(out)] if out not in (None, Path("runs")) else [])])


def best_of_searches(
    out: Path | None, methods: Sequence[str], groups: Mapping[str, Any], preset: str
) -> dict[str, Mapping[str, Any]]:
    """The best settings of each method's finished search, by key.

    Args:
        out: Folder of experiments; None where there is none to look in.
        methods: In their one spelling.
        groups: Of the grid that is to be trained with them.
        preset: Of the grid.

    Raises:
        UsageError: A method has no finished search of this corpus, these sizes and epochs, several have different
            answers, or the budgets aren't equal; says what makes them so.
        DataError: A file of searches is damaged.
    """
    wanted = shared_settings(groups)
    chosen, folders, problems = dict[str, Entry](), dict[str, Path](), []
    for method in methods:
        try:
            folders[method], chosen[method] = _search_of(out, method, wanted, preset)
        except UsageError as error:
            problems.append(str(error))
    budgets = {method: (entry["budget"], entry["objective"]) for method, entry in chosen.items()}
    if len(set(budgets.values())) > 1:
        told = ", ".join(f"{method} {budget} epochs by {goal}" for method, (budget, goal) in budgets.items())
        most = max(budget for budget, _ in budgets.values())
        trials = most // wanted["training.epochs"]
        short = [method for method, (budget, _) in budgets.items() if budget < most]
        commands = [
            f"`{_further(method, wanted, preset, out, (folders[method], chosen[method]), trials)}`" for method in short
        ]
        goes_on = f"{' and '.join(commands)} {'goes' if len(short) == 1 else 'go'} on"
        way = goes_on if short else "search all by one objective"
        problems.append(f"--protocol {TUNED} takes searches of equal budgets, got {told}; {way}")
    if problems:
        raise UsageError("\n  ".join(problems))
    return {method: entry["values"] for method, entry in chosen.items()}


def _further(
    method: str, wanted: Mapping[str, Any], preset: str, out: Path | None, search: tuple[Path, Entry], trials: int
) -> str:
    """The `vae tune` that goes on with a search to the budget of so many trials."""
    folder, entry = search
    own = {key: entry[key] for key in USUAL if entry.get(key, USUAL[key]) != USUAL[key]}
    options = {"trials": trials, **own, "name": folder.name}
    return search_command(method, wanted, preset, out, options, entry.get("ranges"))


def _search_of(out: Path | None, method: str, wanted: Mapping[str, Any], preset: str) -> tuple[Path, Entry]:
    """The finished search of a method that shares some settings, after its experiment's folder.

    Raises:
        UsageError: There is none, or several.
    """
    searches, other = dict[Path, Entry](), ""
    usual = shared_settings({})
    for path in sorted(out.glob(f"*/{FILE}")) if out is not None else ():
        entry = _read(path).get(method)
        if entry is None:
            continue
        theirs = {**usual, **entry["settings"]}  # a setting that came later was at its default before
        differences = [key for key, value in wanted.items() if theirs[key] != value]
        if not entry["finished"]:
            other = f"; the one in {path.parent.parent} isn't finished, and the same command goes on with it"
        elif differences:
            key = differences[0]
            other = f"; the one in {path.parent.parent} has {key} {theirs[key]}, this grid {wanted[key]}"
        else:
            searches[path.parent.parent] = entry
    if not searches:
        way = f"`{search_command(method, wanted, preset, out, {})}`"
        raise UsageError(f"--protocol {TUNED}: there is no finished search of {method} here{other}; {way} makes one")
    answers = {json.dumps(entry, sort_keys=True) for entry in searches.values()}
    if len(answers) > 1:
        folders = " and ".join(map(str, searches))
        raise UsageError(f"--protocol {TUNED}: {folders} hold different searches of {method}; move one away")
    return next(iter(searches.items()))
