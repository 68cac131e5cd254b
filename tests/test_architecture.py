"""Imports point one way in whichever form; loop and metrics name no remedy; nothing heavy loads for ``vae --help``."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from support import loaded_by_help

from vaecli.remedies import REMEDIES

PACKAGE = Path(__file__).parent.parent / "vaecli"
ORDER = (
    "core",
    "config",
    "kernels",
    "corpus",
    "model",
    "objective",
    "remedies",
    "metrics",
    "settings",
    "trackers",
    "training",
    "testing",
    "runs",
    "engines",
    "reporting",
    "atlas",
    "catalogue",
    "reproduction",
    "api",
    "__init__",
    "cli",
    "__main__",
)
"""A room imports from itself and from the rooms before it."""
MODULE = re.compile(r"vaecli((?:\.[a-z_][a-z_0-9]*)+)(?::\w+)?")
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def docstrings(tree):
    bodies = (getattr(node, "body", None) for node in ast.walk(tree))
    return {id(body[0].value) for body in bodies if isinstance(body, list) and body and isinstance(body[0], ast.Expr)}


def named(path):
    """Every room that a file names: by imports at any depth, and by texts that an import could be made of."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            if node.module == "vaecli":
                yield from (alias.name if alias.name in ORDER else "__init__" for alias in node.names)
            elif (node.module or "").startswith("vaecli."):
                yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("vaecli."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield from (match[1].split(".")[1] for match in [MODULE.fullmatch(node.value)] if match)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    mine = ORDER.index(room(path))
    for target in named(path):
        assert ORDER.index(target) <= mine, f"{path} names {target}"


def test_the_order_is_of_all_rooms_and_no_others():
    assert {room(path) for path in FILES} == set(ORDER)


def test_the_pages_name_all_rooms_in_their_order():
    """The table of docs/design.md, which says that a room imports from those above it, and CONTRIBUTING.md."""
    rooms = [name for name in ORDER if not name.startswith("__")]
    root = PACKAGE.parent
    table = (root / "docs" / "design.md").read_text(encoding="utf-8").split("| room |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == rooms
    chain = re.search(r"`(core < [^`]*)`", (root / "CONTRIBUTING.md").read_text(encoding="utf-8"))[1]
    assert chain.split() == " < ".join(rooms).split()


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("import vaecli.runs.trial", "runs"),
        ("from vaecli import runs", "runs"),
        ("def f():\n    from vaecli.runs.trial import run_trial", "runs"),
        ("X = {'a': 'vaecli.runs.trial:run_trial'}", "runs"),
        ("importlib.import_module('vaecli.runs.trial')", "runs"),
    ],
)
def test_no_form_of_an_import_escapes(line, target, tmp_path):
    file = tmp_path / "module.py"
    file.write_text(f'"""Says vaecli.cli.app."""\n{line}\n')
    assert list(named(file)) == [target]


ROOMS_WITHOUT_REMEDIES = set(ORDER[: ORDER.index("runs")]) - {"remedies"}


@pytest.mark.parametrize(
    "path", [f for f in FILES if room(f) in ROOMS_WITHOUT_REMEDIES], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_the_loop_and_the_metrics_name_no_remedy(path):
    """Neither by import nor as a text; the language model is a baseline, not a remedy."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    remedies = set(REMEDIES) - {"lm", "vanilla"}
    assert not remedies & texts
    assert not {f"vaecli.remedies.{name}" for name in REMEDIES} & modules


def test_help_loads_nothing_heavy():
    assert loaded_by_help("", ["torch", "pandas", "pydantic", "scipy", "numpy", "torchtext"]) == []


def repeated(names):
    return {name for name, count in Counter(names).items() if count > 1}


def test_a_module_is_known_by_its_name():
    assert not repeated(path.name for path in FILES if path.name != "__init__.py")


def test_a_class_is_known_by_its_name():
    classes = [n.name for f in FILES for n in ast.walk(ast.parse(f.read_text(encoding="utf-8"))) if is_class(n)]
    assert len(classes) > 200
    assert not repeated(classes)


def is_class(node):
    return isinstance(node, ast.ClassDef) and not node.name.startswith("_")


def used_names(path):
    """Every name that a file reads, attributes and the ends of ``module:name`` included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.rpartition(":")[2]


def test_every_function_has_a_user_beside_its_tests():
    users = {name for path in (*FILES, *(PACKAGE.parent / "experiments").rglob("*.py")) for name in used_names(path)}
    functions = [(f, n.name) for f in FILES for n in ast.parse(f.read_text(encoding="utf-8")).body if is_function(n)]
    assert len(functions) > 500
    assert not [f"{path}: {name}" for path, name in functions if name not in users]


def is_function(node):
    return isinstance(node, ast.FunctionDef) and not node.name.startswith("__")


NAMELESS = {"found", "given", "place", "placed"}
"""Words that would name anything, and so name nothing."""


def bound_names(path):
    """Line and name of whatever a file binds: variables, arguments, functions and fields."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif is_function(node):
            yield node.lineno, node.name


def test_names_say_what_they_hold():
    root = PACKAGE.parent
    files = [path for folder in ("vaecli", "experiments", "tests") for path in sorted((root / folder).rglob("*.py"))]
    names = [(path, line, name) for path in files for line, name in bound_names(path)]
    assert len(names) > 10_000
    assert not [f"{path.relative_to(root)}:{line}: {name}" for path, line, name in names if name in NAMELESS]
