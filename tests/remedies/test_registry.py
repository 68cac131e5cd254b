import subprocess
import sys
from pathlib import Path

import pytest

import vaecli.remedies
from vaecli.core.errors import UsageError
from vaecli.remedies import (
    ALIAS_NOTES,
    ALIASES,
    REMEDIES,
    canonical,
    load_all,
    make_method,
    plugins,
    remedy_class,
    resolve,
)


@pytest.fixture(autouse=True)
def _fresh_registry():
    plugins.cache_clear()
    yield
    plugins.cache_clear()


@pytest.mark.parametrize("name", REMEDIES)
def test_one_spelling(name):
    assert REMEDIES[name] == f"vaecli.remedies.{name}"
    kind = remedy_class(name)
    assert (kind.name, kind.__module__) == (name, REMEDIES[name])


def test_a_file_is_a_remedy():
    files = {path.stem for path in Path(vaecli.remedies.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(REMEDIES) == files
    assert set(vaecli.remedies.ORDER) <= files
    assert list(REMEDIES)[: len(vaecli.remedies.ORDER)] == list(vaecli.remedies.ORDER)


OF_THE_TREE = """
from vaecli.remedies.core.remedy import Remedy


class Slow(Remedy):
    name = "{name}"
    title = "slow"
    equation = "none"
"""


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", ": no class in it with `name` 'slow', that of the file"),
        (OF_THE_TREE.format(name="slower"), ": no class in it with `name` 'slow', that of the file"),
        (
            OF_THE_TREE.format(name="slow") + "\n\nclass Slower(Slow):\n    pass\n",
            ": 2 classes in it with `name` 'slow'",
        ),
        (OF_THE_TREE.format(name="slow"), ": Slow: `paper` is missing; it is a vaecli.remedies.core.remedy.Paper"),
        ("import math\n\nimport vae_slower\n", ":3: ModuleNotFoundError: No module named 'vae_slower'"),
        ("import math\nfrom vaecli.remedies.core.remedy import Remdy\n", ":2: ImportError: cannot import name 'Remdy'"),
        ("def rate(x):\n    return 1 / x\n\n\nRATE = rate(0)\n", ":2: ZeroDivisionError: division by zero"),
        ("class Slow(Remedy)\n    pass\n", ":1: SyntaxError: expected ':'"),
    ],
)
def test_a_file_that_is_no_remedy_is_named_and_disables_nothing_else(monkeypatch, tmp_path, source, why):
    (tmp_path / "vae_slow.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "vae_slow", raising=False)
    monkeypatch.setitem(REMEDIES, "slow", "vae_slow")
    with pytest.raises(UsageError) as caught:
        make_method("slow")
    assert str(caught.value).startswith(f"{tmp_path / 'vae_slow.py'}{why}")
    kinds, broken = load_all()
    assert list(kinds) == [name for name in REMEDIES if name != "slow"]
    assert list(broken) == ["slow"]


@pytest.mark.parametrize("name", REMEDIES)
def test_cited_described_and_complete(name):
    kind = remedy_class(name)
    assert 1990 < kind.paper.year < 2030
    assert kind.paper.title in kind.paper.citation
    assert kind.paper.equation in kind.paper.citation
    assert kind.title
    assert kind.equation
    assert kind.version >= 1
    assert bool(kind.owns) == (name != "vanilla")
    assert all(field.description for field in kind.model_fields.values())
    assert kind().hyper().keys() == kind.model_fields.keys()


def test_aliases_stand_for_registered_names():
    assert canonical("vae") == "vanilla"
    assert not set(ALIASES) & set(REMEDIES)
    assert {name for alias in ALIASES for name in resolve(alias)} <= set(REMEDIES)
    assert ALIAS_NOTES.keys() == ALIASES.keys()


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_a_method_that_composes(alias):
    assert make_method(alias).name == canonical(alias)


def test_an_alias_of_several_composes_with_others():
    assert canonical("bowman") == canonical("word_dropout+sigmoid_anneal") == "sigmoid_anneal+word_dropout"
    assert canonical(" slvae + bowman") == "sigmoid_anneal+slvae+word_dropout"
    assert resolve("bowman+bm") == ["sigmoid_anneal", "word_dropout", "bm"]
    with pytest.raises(UsageError, match="'word_dropout' is named twice"):
        make_method("bowman+word_dropout")
    with pytest.raises(UsageError, match="'linear_anneal' and 'sigmoid_anneal' can't be composed"):
        make_method("bowman+linear_anneal")


def test_canonical_spelling_is_alphabetical_and_stripped():
    assert canonical("word_dropout + free_bits") == canonical("free_bits+word_dropout") == "free_bits+word_dropout"


@pytest.mark.parametrize(
    ("wrong", "near"), [("bta", "beta"), ("cyclic", "cyclical"), ("beta+freebits", "free_bits"), ("va", "vae")]
)
def test_unknown_name_with_the_nearest(wrong, near):
    with pytest.raises(UsageError, match=f"did you mean '{near}'"):
        canonical(wrong)
    with pytest.raises(UsageError, match=f"(?s)--methods.*did you mean '{near}'"):
        canonical(wrong, "--methods")


@pytest.mark.parametrize("empty", ["", "beta+", "+"])
def test_empty_names_are_unknown(empty):
    with pytest.raises(UsageError, match="unknown method ''"):
        canonical(empty)


def test_names_need_no_torch():
    code = (
        "import sys; from vaecli.remedies import method_names, canonical;"
        "assert 'beta' in method_names(); canonical('vae'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_unknown_hyper_parameter_with_the_nearest():
    with pytest.raises(UsageError, match=r"free_bits\.targt: unknown key; did you mean 'target'\?"):
        make_method("free_bits", {"free_bits": {"targt": 3.0}})


def test_all_problems_are_reported_together():
    hyper = {"beta": {"beta": -1.0, "bta": 1.0}, "word_dropout": {"rate": 1.5}, "free_bits": {"mode": "word"}}
    with pytest.raises(UsageError) as caught:
        make_method("free_bits+beta+word_dropout", hyper)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    for part in ("beta.beta: input should be greater than or equal to 0, got -1.0", "beta.bta: unknown key", "got 1.5"):
        assert any(part in line for line in lines), part
    assert any("free_bits.mode" in line and "'dimension'" in line for line in lines)


def test_hyper_parameters_of_other_remedies_are_left_alone():
    method = make_method("beta", {"beta": {"beta": 0.7}, "free_bits": {"target": 9.0}})
    assert method.remedies[0].hyper() == {"beta": 0.7}


def test_remedies_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        make_method("beta").remedies[0].beta = 2.0
