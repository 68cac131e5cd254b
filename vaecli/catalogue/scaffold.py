"""A remedy to begin with: `make remedy NAME=name` in this tree, `vae methods new NAME` as a package of one's own.

What is written works as it stands: a KL weight that follows a running mean of the KL, with a state that checkpoints
carry, its test with a law and a hand-worked number, and a checklist.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from keyword import kwlist
from pathlib import Path
from string import Template

import vaecli
from vaecli.core.errors import UsageError, VaeError
from vaecli.core.files import closed
from vaecli.remedies import SPELLINGS, name_use, registry

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

CHECKLIST = """\
- [ ] the law that the paper states, as a test
- [ ] one number worked by hand, with its working in a comment
- [ ] compared with the authors' code on identical tensors, if there is any; where it differs, `deviations` says so
- [ ] published defaults, or a clause in `deviations`, without a full stop
- [ ] `owns` and `needs`: the contract test shows what it really changes
- [ ] `undefined`: each figure without a meaning, with the reason
- [ ] figures of the paper, where a source confirms them
"""

REMEDY = Template('''\
"""One sentence on what it does.

Equation:
    ``w(t) = min(1, m(t) / target)``, m(t) the running mean of the KL: an example with a state, to be replaced.

Differs from the paper:
    Nothing so far.

References:
    Authors (2026), arXiv:0000.00000.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Paper, Part, Remedy, put_aux
from vaecli.remedies.shared.feedback import RunningMean, batch_kl, steering


class ${cls}State(nn.Module):
    """What is carried from update to update; buffers are in every checkpoint.

    Args:
        target: In nats per sentence.
        smoothing: Of the running mean.
    """

    weight: Tensor

    def __init__(self, target: float, smoothing: float) -> None:
        super().__init__()
        self.target = target
        self.kl = RunningMean(smoothing)
        self.register_buffer("weight", torch.ones(()))

    @torch.no_grad()
    def update(self, kl: Tensor) -> None:
        """Takes in the () mean KL of a batch."""
        self.weight.copy_((self.kl.update(kl) / self.target).clamp(max=1))


class $cls(Remedy):
    """$cls in a few words."""

    name: ClassVar[str] = "$name"
    title: ClassVar[str] = "$name"
    paper: ClassVar[Paper] = Paper("Authors", 2026, "Title")
    equation: ClassVar[str] = "w(t) = min(1, m(t) / target)"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    rate_only: ClassVar[bool] = True

    target: float = Field(3.0, gt=0, description="nats per sentence from which on the weight is 1")
    smoothing: float = Field(0.9, ge=0, lt=1, description="of the running mean of the KL")

    def build(self, parts: Parts) -> Parts:
        """The state beside the model."""
        return replace(parts, aux=put_aux(parts, self.name, ${cls}State(self.target, self.smoothing)))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Takes in the KL of an update's batch, then sets the KL weight."""
        state = terms.context.aux[self.name]
        assert isinstance(state, ${cls}State)
        if steering(terms, clock, "kl"):
            state.update(batch_kl(terms))
        return replace(terms, kl_weight=state.weight.clone())
''')

TEST = Template('''\
"""Laws of $name: to be replaced by those of its paper."""

import pytest
import torch

from $module import $cls, ${cls}State
$imports


def weights(trace, target=4.0, smoothing=0.5):
    """The weight after each KL of a trace."""
    state, result = ${cls}State(target, smoothing), []
    for kl in trace:
        state.update(torch.tensor(float(kl)))
        result.append(state.weight.item())
    return result


def test_two_updates_by_hand():
    # m = 2, then (0.5 * 0.5 * 2 + 0.5 * 1) / 0.75 = 4/3; over the target of 4: 0.5 and 1/3
    assert weights([2, 1]) == pytest.approx([0.5, 1 / 3])


def test_the_weight_is_never_above_one():
    assert weights([100, 50, 9]) == [1, 1, 1]


$registration
''')

OF_THE_TREE = {
    "imports": "from vaecli.remedies import make_method",
    "registration": """\
def test_it_is_a_method():
    method = make_method("$name", {"$name": $cls().hyper()})
    assert method.name == "$name\"""",
}
"""What the test of a remedy of this tree, whose contract is tested with that of all others, has of its own."""

OF_A_PACKAGE = {
    "imports": "from vaecli.testing import CHECKS, check_registration",
    "registration": """\
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_does_what_every_remedy_has_to(check):
    check($cls)


def test_it_is_registered():
    check_registration($cls)""",
}
"""The same of a package's."""

PYPROJECT = Template("""\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "vae-$dashed"
version = "0.1.0"
description = "The remedy $name for vaecli"
requires-python = ">=3.11"
dependencies = ["vaecli>=$version"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points."vaecli.remedies"]
$name = "$module:$cls"

[tool.setuptools]
py-modules = ["$module"]
""")

README = Template("""\
# $name

A remedy for `vae`, the posterior-collapse laboratory for text VAEs.

```sh
pip install -e ".[test]"
pytest
vae methods $name
vae train --method $name --set $name.target=4
vae compare --methods vanilla,$name
```

`$module.py` holds the remedy, `test_$module.py` its laws and the contract that every remedy is held to
(`vaecli.testing`), `pyproject.toml` the entry point that makes it a method of `vae`. `version` in the class is raised
where its numbers would move: trials of two versions are never averaged together.

$checklist""")


def class_name(name: str) -> str:
    """``free_bits`` gives ``FreeBits``, and a word that means something else in what is written, ``NoneRemedy``."""
    made = "".join(part.capitalize() for part in name.split("_"))
    used = {*kwlist, *re.findall(r"\w+", re.sub(r"\$\{?cls\}?\w*", "", REMEDY.template + TEST.template))}
    return f"{made}Remedy" if made in used else made


def check_new(name: str) -> str:
    """A name that a remedy may have.

    Raises:
        UsageError: It is no lower-case name, or in use.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r}: a remedy's name has lower-case letters, digits and single '_' between, as free_bits"
        )
    if name in registry() or name in SPELLINGS:
        raise UsageError(f"{name!r} is a method already; choose another name")
    if name_use(name):
        raise UsageError(f"{name!r} means something else in commands and files of settings; choose another name")
    return name


def test_text(words: Mapping[str, str], parts: Mapping[str, str]) -> str:
    """The test of a remedy.

    Args:
        words: What the templates are filled with.
        parts: `OF_THE_TREE` or `OF_A_PACKAGE`.
    """
    return TEST.substitute(words, **{key: Template(part).substitute(words) for key, part in parts.items()})


def _write(files: dict[Path, str]) -> list[Path]:
    """Writes files that are not there yet.

    Raises:
        UsageError: One of them is there.
        UnwritableError: One can't be written.
    """
    for path in files:
        if path.exists():
            raise UsageError(f"{path} is there already; move it away")
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise closed(path, error) from None
    return list(files)


def write_remedy(name: str, root: Path) -> list[Path]:
    """A remedy and its test in a source tree of this program; its card follows by `make docs`."""
    words = {"name": check_new(name), "cls": class_name(name), "module": f"vaecli.remedies.{name}"}
    return _write(
        {
            root / "vaecli" / "remedies" / f"{name}.py": REMEDY.substitute(words),
            root / "tests" / "remedies" / f"test_{name}.py": test_text(words, OF_THE_TREE),
        }
    )


def write_package(name: str, folder: Path) -> list[Path]:
    """A remedy as a package that registers it, with its test and a README."""
    module = f"vae_{check_new(name)}"
    words = {"name": name, "cls": class_name(name), "module": module, "dashed": name.replace("_", "-")}
    words["version"] = vaecli.__version__
    return _write(
        {
            folder / "pyproject.toml": PYPROJECT.substitute(words),
            folder / f"{module}.py": REMEDY.substitute(words),
            folder / f"test_{module}.py": test_text(words, OF_A_PACKAGE),
            folder / "README.md": README.substitute(words, checklist=CHECKLIST),
        }
    )


def main(name: str) -> None:
    """`make remedy NAME=name`: writes into the source tree and prints what is left to do."""
    try:
        for path in write_remedy(name, Path.cwd()):
            print(path.relative_to(Path.cwd()))
    except VaeError as error:
        sys.exit(f"vae: {error}")
    print(
        f"next: edit both, `pytest {path.relative_to(Path.cwd())}`, then `make docs` for its card\n{CHECKLIST}", end=""
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
