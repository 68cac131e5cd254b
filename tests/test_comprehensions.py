"""No function has a comprehension whose variable bears the name of something global that a sibling comprehension reads.

Python 3.12.0 to 3.12.3 take the global for an unbound local there (python/cpython, issue 118513; mended in 3.12.4).
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [
    path for room in ("vaecli", "experiments", "tests", "examples") for path in sorted((ROOT / room).rglob("*.py"))
]

Inlined = ast.ListComp | ast.SetComp | ast.DictComp
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def own_nodes(node):
    """What is computed in a function's own frame, inlined comprehensions included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.GeneratorExp):
            yield from own_nodes(child.generators[0].iter)
        elif not isinstance(child, Scope):
            yield child
            yield from own_nodes(child)


def targets(comprehension):
    """The nodes that name a comprehension's variables."""
    return [n for part in comprehension.generators for n in ast.walk(part.target) if isinstance(n, ast.Name)]


def read(node, bound):
    """Names that a comprehension takes from outside."""
    if isinstance(node, ast.GeneratorExp):
        return read(node.generators[0].iter, bound)
    if isinstance(node, ast.Lambda):
        return set()
    if isinstance(node, ast.Name):
        return {node.id} - bound if isinstance(node.ctx, ast.Load) else set()
    if isinstance(node, Inlined):
        bound = bound | {name.id for name in targets(node)}
    return {name for child in ast.iter_child_nodes(node) for name in read(child, bound)}


def bound_names(function, nodes, variables):
    """Names that a function binds besides the variables of its comprehensions."""
    a = function.args
    arguments = (*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg)))
    names = {argument.arg for argument in arguments}
    names |= {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load) and n not in variables}
    names |= {n.name for n in nodes if isinstance(n, ast.ExceptHandler) and n.name}
    names |= {n.name for n in ast.walk(function) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    imports = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
    return names | {(name.asname or name.name).split(".")[0] for n in imports for name in n.names}


def mistaken(text):
    """``(line, name)`` of each global that such a Python takes for a local."""
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        nodes = list(own_nodes(function))
        comprehensions = [node for node in nodes if isinstance(node, Inlined)]
        variables = [name for one in comprehensions for name in targets(one)]
        local = {name.id for name in variables} - bound_names(function, nodes, variables)
        for one in comprehensions:
            around = [other for other in comprehensions if any(node is one for node in ast.walk(other))]
            for name in read(one, {name.id for other in around for name in targets(other)}) & local:
                yield one.lineno, name


BAD = """
def side(group):
    return [group]

def table(rows):
    heads = [f"{side}" for side in ("shared", "published")]
    return heads + [cell for row in rows for cell in side(row)]
"""


@pytest.mark.parametrize(
    ("old", "new", "mistakes"),
    [
        ("", "", [(7, "side")]),
        ('{side}" for side in', '{name}" for name in', []),
        ('[f"{side}" for side in ("shared", "published")]', 'list(f"{side}" for side in ("shared", "published"))', []),
        ("in side(row)", "in (lambda: side(row))()", []),
        ("def table(rows)", "def table(rows, side=side)", []),
        ("heads +", "[side for _ in heads for side in rows] +", [(7, "side")]),
        ("heads +", "[[side for side in row] for row in heads] +", [(7, "side")]),
    ],
)
def test_what_is_mistaken(old, new, mistakes):
    assert list(mistaken(BAD.replace(old, new, 1))) == mistakes


def test_no_global_is_taken_for_a_local():
    mistakes = [(path, *one) for path in FILES for one in mistaken(path.read_text(encoding="utf-8"))]
    assert mistakes == []
