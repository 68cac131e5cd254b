"""The TOML file of an experiment, read with the line of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from vaecli.config import GROUPS
from vaecli.core.errors import UsageError, nearest
from vaecli.core.names import name_problem
from vaecli.remedies import canonical, resolve
from vaecli.settings.known_keys import check_key
from vaecli.settings.layers import OVERRIDABLE, TOP_LEVEL, Layer, absolute_data, parse_methods, parse_seeds
from vaecli.settings.protocols import EVERYTHING, papers_named

HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?")
KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
WHOLE = "# Whole only with its last line, the end of the settings.\n"
END = "# End of the settings.\n"
"""Around the settings in a file of ours. A file that lost its end may be TOML still, and defaults would stand in for
what it lost; in a file without the first line, written by hand or by an earlier version, nobody can tell."""
PLAIN_KEYS = ("experiment", "preset", "method", "methods", "seeds", "jobs", "data", "before_protocol")


def read_file(path: Path, leave_out: Collection[str] = ()) -> Layer:
    """The layer of a TOML file.

    Args:
        path: The file.
        leave_out: Remedies; what the file says of methods with these, and of nothing else, is left out.

    Raises:
        UsageError: The file can't be read, or isn't TOML (file and line).
    """
    values, text = read_toml(path)
    if leave_out:
        values, _ = split_methods(values, leave_out)
    reader = _FileReader(path, key_lines(text))
    reader.read(values)
    return reader.layer


def framed(text: str) -> str:
    """Settings as TOML between two comments by which `read_toml` knows a file that was cut."""
    return WHOLE + text + END


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The values of a TOML file, and its text.

    Raises:
        UsageError: The file can't be read, isn't TOML (file and line), or has lost its end.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        values = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: can't read it: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_syntax(path, str(error))) from None
    except ValueError as error:  # an integer of more digits than Python reads
        raise UsageError(f"{path}: {error}") from None
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply") from None
    lines = text.splitlines()
    if WHOLE.rstrip() in lines and END.rstrip() not in lines:
        raise UsageError(
            f"{path}: damaged: its end is lost, from line {len(lines)} on; put back the one that was written"
        )
    return values, text


def split_methods(values: Mapping[str, Any], remedies: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of a grid's file without what they say of some remedies' methods alone, and just that.

    Args:
        values: Of a file that `vae compare` wrote.
        remedies: Their names.
    """
    known, left = dict(values), dict[str, Any]()
    own = [name for name in values.get("methods", ()) if not set(resolve(name)) & set(remedies)]
    used = {part for name in own for part in resolve(name)}
    for key, kept in (("methods", own), ("method", used), ("override", own)):
        items = known.pop(key, {})
        for part, inside in ((known, True), (left, False)):
            names = [name for name in items if (name in kept) is inside]
            if names:
                part[key] = {name: items[name] for name in names} if isinstance(items, Mapping) else names
    return known, left


def _syntax(path: Path, message: str) -> str:
    """``file:line: message`` from tomllib's ``message (at line 3, column 7)``."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    return f"{path}:{match[2]}: {match[1]} (column {match[3]})" if match else f"{path}: {message}"


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of each key and table header, from 1; keys of inline tables are left out."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if match := HEADER.fullmatch(line.rstrip("\r")):
            table = _key_path(match[1])
            lines.setdefault(table, number)
        elif match := KEY.match(line):
            lines.setdefault((*table, *_key_path(match[1])), number)
    return lines


def _key_path(key: str) -> tuple[str, ...]:
    """``a."b+c".d`` as its parts; none for what only looks like a key, inside a long text."""
    try:
        value: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts = []
    while isinstance(value, dict):
        (part, value), *_ = value.items()
        parts.append(part)
    return tuple(parts)


class _FileReader:
    """Sorts the values of a file into a layer.

    Args:
        path: The file.
        lines: Of its keys.
    """

    def __init__(self, path: Path, lines: Mapping[tuple[str, ...], int]) -> None:
        self.path, self.lines = path, lines
        self.layer = Layer(str(path))

    def at(self, *keys: str) -> str:
        """``file:line`` of a key, or of the first thing in it, or of the nearest table around it."""
        for length in range(len(keys), 0, -1):
            inside = [line for path, line in self.lines.items() if path[:length] == keys[:length]]
            if inside:
                return f"{self.path}:{self.lines.get(keys[:length], min(inside))}"
        return str(self.path)

    def wrong(self, message: str, *keys: str) -> None:
        """Notes a problem at a key."""
        self.layer.problems.append(f"{self.at(*keys)}: {message}")

    def read(self, values: Mapping[str, Any]) -> None:
        """Takes everything at the top level; the groups first, which `data` must not contradict."""
        for key, value in sorted(values.items(), key=lambda item: item[0] not in GROUPS):
            if key in GROUPS:
                self.group(key, value)
            elif key == "hyper" or (key == "method" and isinstance(value, Mapping)):
                self.hyper(key, value)
            elif key == "override":
                self.override(value)
            elif key == "tuned":
                self.tuned(value)
            elif key in PLAIN_KEYS:
                self.plain(key, value)
            else:
                owner = next((name for name, kind in GROUPS.items() if key in kind.model_fields), None)
                hint = f"it belongs in [{owner}]" if owner else nearest(key, TOP_LEVEL)
                self.wrong(f"unknown key {key!r}; {hint}", key)

    def tables(self, value: Any, *keys: str) -> Mapping[str, Any]:
        """The value as a table; anything else is noted and taken for empty."""
        if isinstance(value, Mapping):
            return value
        self.wrong(f"[{'.'.join(keys)}] must be a table, got {value!r}", *keys)
        return {}

    def group(self, group: str, value: Any) -> None:
        """``[training]`` and its like."""
        for key, item in self.tables(value, group).items():
            item = absolute_data(item, self.path.parent) if (group, key) == ("corpus", "data") else item
            self.layer.put(group, key, item, self.at(group, key))

    def hyper(self, head: str, value: Any) -> None:
        """``[method.bn]``."""
        for remedy, table in self.tables(value, head).items():
            for key, item in self.tables(table, head, remedy).items():
                self.layer.put_hyper(remedy, key, item, self.at(head, remedy, key))

    def override(self, value: Any) -> None:
        """``[override.bn.training]``."""
        for method, groups in self.tables(value, "override").items():
            try:
                name = canonical(method, self.at("override", method))
            except UsageError as error:
                self.layer.problems.append(str(error))
                continue
            self.layer.locations[("override", name)] = self.at("override", method)
            for group, table in self.tables(groups, "override", method).items():
                keys = ("override", method, group)
                if group not in OVERRIDABLE:
                    allowed = " and ".join(f"[override.{method}.{g}]" for g in OVERRIDABLE)
                    self.wrong(f"[override.{method}.{group}]: only {allowed} can differ by method", *keys)
                    continue
                for key, item in self.tables(table, *keys).items():
                    if (group, key) == ("training", "seed"):
                        self.wrong("a seed belongs to the experiment, not to one method; use seeds", *keys, key)
                    else:
                        self.layer.put(group, key, item, self.at(*keys, key), method=name)

    def plain(self, key: str, value: Any) -> None:
        """The keys that are no tables."""
        location = self.at(key)
        try:
            if key in ("method", "methods"):
                self.methods(value if isinstance(value, list) else [value], location)
            elif key == "before_protocol":
                self.layer.plan["firm"] = self.firm(value, location)
            elif key == "seeds":
                self.layer.plan["seeds"] = parse_seeds(value, location)
            elif key == "data":
                self.data(value, location)
            else:
                self.layer.plan[key] = self.scalar(key, value)
        except UsageError as error:
            self.layer.problems.append(str(error))

    def methods(self, told: Sequence[Any], location: str) -> None:
        """``methods``, and ``method``, which adds to them; None where one has a wrong name."""
        before = self.layer.plan.get("methods", ())
        self.layer.plan["methods"] = None
        names = parse_methods(told, location)
        self.layer.plan["methods"] = before if before is None else (*before, *names)
        self.layer.plan["papers"] = {**self.layer.plan.get("papers", {}), **papers_named(told)}

    def firm(self, value: Any, location: str) -> tuple[str, ...]:
        """``before_protocol``: keys of settings that go before what a protocol says of them."""
        if not (isinstance(value, list) and all(isinstance(key, str) for key in value)):
            raise UsageError(
                f"{location}: before_protocol must be a list of keys such as 'training.clip', got {value!r}"
            )
        return tuple(value if value == [EVERYTHING] else [".".join(check_key(key)) for key in value])

    def tuned(self, value: Any) -> None:
        """``[tuned.bn]``: the best settings of the search of a method, by key, as a grid keeps them."""
        by_method = {}
        for method, table in self.tables(value, "tuned").items():
            try:
                name = canonical(method, self.at("tuned", method))
                values = self.tables(table, "tuned", method)
                by_method[name] = {".".join(check_key(key)): item for key, item in values.items()}
            except UsageError as error:
                self.layer.problems.append(str(error))
        self.layer.plan["tuned"] = by_method

    def data(self, value: Any, location: str) -> None:
        """``data = ...``, short for ``corpus.data``."""
        self.layer.put("corpus", "data", absolute_data(value, self.path.parent), location)

    def scalar(self, key: str, value: Any) -> Any:
        """The value of ``experiment``, ``preset`` or ``jobs``."""
        location = self.at(key)
        if key == "jobs":
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise UsageError(f"{location}: jobs must be an integer from 0 on, got {value!r}")
        elif not isinstance(value, str):
            raise UsageError(f"{location}: {key} must be a text, got {value!r}")
        elif key == "experiment" and (problem := name_problem(key, value)):
            raise UsageError(f"{location}: {problem}")
        return value
