"""Every number of every settings path is finite and of its type: all groups, all remedies, those of other packages."""

import math
import sys
import types
import typing

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, ValidationError
from support import offer

from vaecli.config import GROUPS, RunConfig, build_config
from vaecli.core.checked import LARGEST_FLOAT, LARGEST_INTEGER, Checked, checked, scalar_kinds, shown
from vaecli.core.errors import UsageError
from vaecli.remedies import make_method, method_names, remedy_class
from vaecli.remedies.core.remedy import Paper, Remedy
from vaecli.runs.folder import RunFolder
from vaecli.settings.resolve import load_settings

NUMBERS = (int, float)
NEVER_A_NUMBER = ["inf", "-inf", "nan", "1e309", "true", "false", "'1'", '"1"', "one", "", "Infinity", "1e39", "4" * 50]
"""As ``--set`` takes them: not finite, beyond float32, a truth value, a text. The last is a whole number too large."""
NEVER_AN_INTEGER = [*NEVER_A_NUMBER, "3.0", "1e1", "2.5", "4294967296"]


def fields(kind):
    return {name: scalar_kinds(field.annotation) for name, field in kind.model_fields.items()}


def numeric(kind):
    return [name for name, kinds in fields(kind).items() if kinds and kinds & set(NUMBERS)]


SETTINGS = [(group, name) for group, kind in GROUPS.items() for name in numeric(kind) if name != "seed"]
HYPER = [(name, key) for name in method_names() for key in numeric(remedy_class(name))]


def refused(**arguments):
    with pytest.raises(UsageError) as caught:
        load_settings(**arguments)
    return str(caught.value)


def wrong_texts(kind, name):
    return NEVER_A_NUMBER if float in fields(kind)[name] else NEVER_AN_INTEGER


def test_there_is_something_to_test():
    assert len(SETTINGS) >= 28
    assert len(HYPER) > 80


@pytest.mark.parametrize(("group", "name"), SETTINGS)
def test_no_setting_takes_what_is_no_number_of_its_type(group, name):
    for text in wrong_texts(GROUPS[group], name):
        assert f"--set {group}.{name}={text}: {group}.{name}: must be " in refused(sets=[f"{group}.{name}={text}"]), (
            text
        )


@pytest.mark.parametrize(("method", "key"), HYPER)
def test_no_hyper_parameter_takes_what_is_no_number_of_its_type(method, key):
    for text in wrong_texts(remedy_class(method), key):
        option = f"--set {method}.{key}={text}"
        assert f"{option}: {method}.{key}: must be " in refused(methods=[method], sets=[f"{method}.{key}={text}"]), text


@pytest.mark.parametrize("name", method_names())
def test_a_truth_value_is_one(name):
    kind = remedy_class(name)
    for key in (key for key, kinds in fields(kind).items() if kinds == {bool}):
        for value in (1, 0, 1.0, "true", "1", -0.0):
            with pytest.raises(ValidationError, match="must be true or false"):
                kind(**{key: value})


@pytest.mark.parametrize("name", [*GROUPS, *method_names()])
def test_every_default_is_what_is_asked_of_others(name):
    kind = GROUPS.get(name) or remedy_class(name)
    for key, kinds in fields(kind).items():
        default = kind.model_fields[key].default
        assert kinds is None or checked(default, kinds) == default
        assert kinds is None or type(default) in kinds, f"{key} = {default!r}"


@pytest.mark.parametrize(
    ("group", "name"), [("training", "epochs"), ("training", "clip"), ("evaluation", "iw_samples")]
)
@pytest.mark.parametrize("value", [True, math.inf, "1"])
def test_every_path_of_a_setting(tmp_path, group, name, value):
    wanted = f"{group}.{name}: must be "
    path = tmp_path / "exp.toml"
    path.write_text(tomli_w.dumps({group: {name: value}}))
    assert f"{path}:2: {wanted}" in refused(file=path)
    if group == "training":
        path.write_text('methods = ["bn"]\n' + tomli_w.dumps({"override": {"bn": {group: {name: value}}}}))
        assert f"{path}:3: override.bn.{wanted}" in refused(file=path)
    option = f"--{name.replace('_', '-')}"
    assert f"{option}: {wanted}" in refused(options={group: {name: value}})
    with pytest.raises(UsageError, match=wanted):
        build_config({group: {name: value}})


@pytest.mark.parametrize("value", [True, math.nan, "1"])
def test_every_path_of_a_hyper_parameter(tmp_path, value):
    path = tmp_path / "exp.toml"
    for table in ("method", "hyper"):
        path.write_text('methods = ["beta"]\n' + tomli_w.dumps({table: {"beta": {"beta": value}}}))
        assert f"{path}:3: beta.beta: must be " in refused(file=path)
    with pytest.raises(UsageError, match=r"beta\.beta: must be "):
        make_method("beta", {"beta": {"beta": value}})
    with pytest.raises(ValidationError, match="must be "):
        remedy_class("beta")(beta=value)


def test_a_run_s_own_settings_are_looked_at_again(tmp_path):
    folder = RunFolder(tmp_path / "run").create(RunConfig(method="beta", hyper={"beta": {"beta": 0.5}}))
    path = tmp_path / "run" / "config.toml"
    text = path.read_text()
    path.write_text(text.replace("beta = 0.5", "beta = inf"))
    with pytest.raises(UsageError, match=r"config\.toml: method: beta\.beta must be a finite number, got inf"):
        folder.config()
    path.write_text(text.replace("epochs = 6", "epochs = true"))
    with pytest.raises(UsageError, match=r"training\.epochs: must be an integer, got true"):
        folder.config()


class Theirs(Remedy):
    """A remedy of another package that bounds nothing and asks for laxness."""

    model_config = ConfigDict(allow_inf_nan=True)
    name: typing.ClassVar[str] = "theirs"
    title: typing.ClassVar[str] = "theirs"
    paper: typing.ClassVar[Paper] = Paper("Nobody", 2026, "Nothing")
    equation: typing.ClassVar[str] = "none"

    weight: float = 1.0
    count: int = 2
    on: bool = False
    several: tuple[float, ...] = ()
    either: typing.Literal["auto"] | float = "auto"


class Broken(Theirs):
    """Its default is none."""

    name: typing.ClassVar[str] = "broken"

    weight: float = math.inf


@pytest.fixture
def plugins(monkeypatch):
    module = types.ModuleType("their_package")
    module.Theirs, module.Broken, module.Other = Theirs, Broken, dict
    monkeypatch.setitem(sys.modules, "their_package", module)
    names = {"theirs": "Theirs", "broken": "Broken", "other": "Other", "missing": "Missing"}
    offer(monkeypatch, **{name: f"their_package:{kind}" for name, kind in names.items()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight=inf", "must be a finite number, got inf"),
        ("weight=true", "must be a number, got true"),
        ("weight='2'", "must be a number, got the text '2'"),
        ("weight=1e300", r"must be at most 3\.4e\+38 in size, got 1e\+300"),
        ("count=3.0", "must be an integer, got 3.0; write 3"),
        ("count=false", "must be an integer, got false"),
        (f"count={10**30}", "must be at most 1000000000 in size"),
        ("on=1", "must be true or false, got 1"),
        ("either=nan", "must be a finite number, got nan"),
    ],
)
def test_remedies_of_other_packages_are_held_to_it(plugins, text, message):
    with pytest.raises(UsageError, match=rf"--set theirs\.{text.partition('=')[0]}=.*: theirs\.\w+: {message}"):
        load_settings(methods=["theirs"], sets=[f"theirs.{text}"])


def test_remedies_of_other_packages_may_have_more_kinds_of_values(plugins):
    assert Theirs(several=(1.0, 2.0), either=3).several == (1.0, 2.0)
    with pytest.raises(ValidationError, match="must be a finite number, got inf"):
        Theirs(several=(1.0, math.inf))
    assert make_method("theirs", {"theirs": {"either": "auto", "weight": 3}}).remedies[0].weight == 3.0


def test_a_remedy_of_another_package_that_is_none_is_named(plugins):
    for name, why in (
        ("broken", "broken.weight: must be a finite number, got inf"),
        (
            "other",
            r"method 'other' can't be loaded: .*: their_package:Other is no vaecli\.remedies\.core\.remedy\.Remedy",
        ),
        ("missing", "method 'missing' can't be loaded: .*AttributeError"),
    ):
        with pytest.raises(UsageError, match=why):
            load_settings(methods=["vanilla", name])


# the values themselves


@pytest.mark.parametrize(
    ("value", "kinds", "result"),
    [
        (3, {float}, 3.0),
        (3, {int}, 3),
        (3, {int, float}, 3),
        (LARGEST_INTEGER, {int}, LARGEST_INTEGER),
        (10**18, {float}, 1e18),
        (LARGEST_FLOAT, {float}, LARGEST_FLOAT),
        (True, {bool, int}, True),
        ("1", {str}, "1"),
        (None, {float, type(None)}, None),
    ],
)
def test_what_is_right_stays(value, kinds, result):
    setting = checked(value, frozenset(kinds))
    assert (setting, type(setting)) == (result, type(result))


def test_zero_has_no_sign():
    assert math.copysign(1, checked(-0.0, frozenset({float}))) == 1


def test_numbers_of_any_length_are_refused_in_a_line():
    for digits in (40, 400, 5_000):
        with pytest.raises(ValueError, match="must be at most"):
            checked(10**digits, frozenset({int}))
        assert len(shown(10**digits)) < 60
    assert "training.epochs: must be " in refused(sets=["training.epochs=" + "9" * 5_000])


def test_a_file_with_a_number_of_any_length_is_no_traceback(tmp_path):
    path = tmp_path / "exp.toml"
    path.write_text("[training]\nepochs = " + "9" * 5_000 + "\n")
    assert refused(file=path).startswith(f"{path}: ")


Alias = typing.NewType("Alias", float)


@pytest.mark.parametrize(
    ("annotation", "kinds"),
    [
        (float | None, {float, type(None)}),
        (typing.Optional[int], {int, type(None)}),  # noqa: UP045
        (typing.Literal["a", 2], {str, int}),
        (typing.Annotated[float, "x"] | bool, {float, bool}),
        (Alias, {float}),
        (tuple[str, ...], None),
        (float | list[int], None),
    ],
)
def test_kinds_of_annotations(annotation, kinds):
    assert scalar_kinds(annotation) == (None if kinds is None else frozenset(kinds))


def test_a_subclass_may_narrow_but_not_widen():
    class Own(Checked):
        model_config = ConfigDict(strict=False, allow_inf_nan=True)
        x: float = 0.0

    for value in (math.inf, True, "1"):
        with pytest.raises(ValidationError, match="must be "):
            Own(x=value)


@settings(deadline=None)
@given(st.floats() | st.integers() | st.booleans() | st.text(max_size=4) | st.none())
def test_a_number_is_taken_as_it_is_or_not_at_all(value):
    whole = isinstance(value, int) and not isinstance(value, bool)
    fits = isinstance(value, float) and math.isfinite(value) and abs(value) <= LARGEST_FLOAT
    for kinds, right in (
        (frozenset({float}), fits or (whole and abs(value) <= LARGEST_FLOAT)),
        (frozenset({int}), whole),
    ):
        if right and (float in kinds or abs(value) <= LARGEST_INTEGER):
            number = checked(value, kinds)
            assert type(number) in kinds
            assert number == (float(value) if float in kinds else value)
        else:
            with pytest.raises(ValueError, match="must be "):
                checked(value, kinds)
