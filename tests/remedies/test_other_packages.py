"""Remedies of other packages: names that are taken, what can't be loaded, whose fault an error is."""

import re
import sys
from types import SimpleNamespace

import pytest
import torch
from support import offer, plant

import vaecli.remedies
from vaecli.__main__ import _fault
from vaecli.core.errors import UsageError
from vaecli.core.plugins import Plugin, at_fault
from vaecli.remedies import (
    GROUP,
    REMEDIES,
    canonical,
    load_all,
    make_method,
    method_names,
    package_of,
    plugin_notes,
    plugins,
    remedy_class,
)
from vaecli.remedies.core.remedy import Part
from vaecli.reporting.page.model_looks import Looks, Viewer
from vaecli.settings.protocols import published
from vaecli.settings.resolve import load_settings, parse_methods


@pytest.fixture(autouse=True)
def _fresh_registry():
    plugins.cache_clear()
    yield
    plugins.cache_clear()


class Mine(remedy_class("beta")):
    name = "mine"
    owns = frozenset({Part.TERM})


def test_remedies_of_other_packages(monkeypatch):
    module = type(sys)("vaecli_mine")
    module.Mine = Mine
    monkeypatch.setitem(sys.modules, "vaecli_mine", module)
    offer(monkeypatch, mine="vaecli_mine:Mine")
    assert method_names() == [*REMEDIES, "mine"]
    method = make_method("mine+free_bits", {"mine": {"beta": 0.7}})
    assert method.name == "free_bits+mine"
    assert {r.name: type(r) for r in method.remedies}["mine"] is Mine


THEIRS = """
from vaecli.remedies.{base} import {kind}


class Theirs({kind}):
    name = "{name}"
"""


@pytest.fixture
def path(monkeypatch, tmp_path):
    """A folder on the path; modules that are imported from it are forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_name_that_is_taken_is_addressed_with_its_package(path):
    file = plant(path, "Vae-Mine", THEIRS.format(base="beta", kind="Beta", name="bn"), bn="Theirs")
    assert [name for name in method_names() if name not in REMEDIES] == ["vae-mine:bn"]
    assert plugin_notes() == [
        f"'bn' of package vae-mine 1.0 ({file}): the name is a method here; write vae-mine:bn",
    ]
    assert remedy_class("bn").__module__ == "vaecli.remedies.bn"
    assert canonical("Vae_Mine:bn+bn") == "bn+vae-mine:bn"
    method = make_method("vae-mine:bn+bn", {"vae-mine:bn": {"beta": 0.7}, "bn": {"gamma": 0.5}})
    assert method.name == "bn+vae-mine:bn"
    assert {r.name: r.hyper() for r in method.remedies} == {
        "vae-mine:bn": {"beta": 0.7},
        "bn": remedy_class("bn")(gamma=0.5).hyper(),
    }
    assert method.versions == {"bn": remedy_class("bn").version, "vae-mine:bn": 1}
    assert remedy_class("vae-mine:bn") is remedy_class("vae-mine:bn")
    assert (package_of("vae-mine:bn"), package_of("bn")) == (("vae-mine", "1.0"), ("vaecli", vaecli.__version__))


def test_an_alias_is_taken_too(path):
    plant(path, "vae-mine", THEIRS.format(base="beta", kind="Beta", name="vae"), vae="Theirs")
    assert canonical("vae") == "vanilla"
    assert "the name is an alias here; write vae-mine:vae" in plugin_notes()[0]
    assert make_method("vae-mine:vae").name == "vae-mine:vae"


def test_two_packages_with_one_name_are_told_apart(path):
    for package in ("vae-mine", "vae-yours"):
        plant(path, package, THEIRS.format(base="beta", kind="Beta", name="fresh"), fresh="Theirs")
    with pytest.raises(UsageError, match=r"is of several packages: write vae-mine:fresh or vae-yours:fresh$"):
        canonical("fresh")
    kinds = remedy_class("vae-mine:fresh"), remedy_class("vae-yours:fresh")
    assert [kind.__module__ for kind in kinds] == ["vae_mine", "vae_yours"]
    assert len(plugin_notes()) == 2


def test_a_free_name_has_one_spelling_with_or_without_its_package(path):
    plant(path, "vae-mine", THEIRS.format(base="beta", kind="Beta", name="fresh"), fresh="Theirs")
    assert canonical("vae-mine:fresh+vaecli:bn") == "bn+fresh"
    assert plugin_notes() == []
    assert make_method("fresh").remedies[0].__class__.__module__ == "vae_mine"
    for wrong in ("vae-yours:fresh", "vaecli:fresh"):
        with pytest.raises(UsageError, match=f"unknown method '{wrong}'"):
            canonical(wrong)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines$"),
        ("import sys; sys.exit(3)", "SystemExit: 3$"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'$"),
        ("x = (", "SyntaxError: '.' was never closed"),
        ("Other = 1", "AttributeError: module 'vae_broken' has no attribute 'Theirs'"),
        ("Theirs = dict", "vae_broken:Theirs is no vaecli.remedies.core.remedy.Remedy"),
        (THEIRS.format(base="beta", kind="Beta", name="other"), "is called 'other' and registered as 'fresh'"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_a_line_and_disables_nothing_else(path, source, why):
    file = plant(path, "vae-broken", source, fresh="Theirs")
    kinds, broken = load_all()
    assert list(kinds) == list(REMEDIES)
    head = re.escape(f"package vae-broken 1.0 ({file}): ")
    assert re.search(f"^{head}.*{why}", broken["fresh"])
    assert "\n" not in broken["fresh"]
    with pytest.raises(UsageError, match=f"method 'fresh' can't be loaded: {head}"):
        make_method("fresh+bn")
    assert make_method("bn").name == "bn"


def test_all_methods_are_those_that_can_be_loaded(path, capsys):
    plant(path, "vae-broken", "raise RuntimeError('no')", fresh="Theirs")
    assert parse_methods(["all"]) == tuple(REMEDIES)
    assert "method 'fresh' is left out, it can't be loaded: package vae-broken 1.0 (" in capsys.readouterr().err


def test_a_name_that_settings_can_not_hold_is_skipped_with_a_line(path):
    plant(path, "vae-mine", THEIRS.format(base="beta", kind="Beta", name="a+b"), **{"a+b": "Theirs"})
    assert method_names() == list(REMEDIES)
    assert plugin_notes()[0].startswith("'a+b' of package vae-mine 1.0 (")
    assert "skipped" in plugin_notes()[0]


def test_metadata_without_a_name_disable_nothing(path):
    plant(path, "vae-mine", THEIRS.format(base="beta", kind="Beta", name="fresh"), fresh="Theirs")
    (path / "vae_mine-1.0.dist-info" / "METADATA").write_text("")
    assert make_method("fresh").name == "fresh"
    assert package_of("fresh")[0] == "unknown-package"


def test_settings_are_by_the_address(path):
    plant(path, "vae-mine", THEIRS.format(base="beta", kind="Beta", name="bn"), bn="Theirs")
    settings = load_settings(methods=["vae-mine:bn", "bn"], sets=["Vae_Mine:bn.beta=0.3,0.4", "bn.gamma=0.5"])
    assert settings.variants("vae-mine:bn") == [{"vae-mine:bn.beta": 0.3}, {"vae-mine:bn.beta": 0.4}]
    assert settings.config("bn", 0).hyper == {"bn": {"gamma": 0.5, "eps": 1e-12}}
    assert settings.config("vae-mine:bn", 0).hyper == {"vae-mine:bn": {"beta": 0.3}}
    with pytest.raises(UsageError, match=r"--set vae-mine:bn\.beta=-1: vae-mine:bn\.beta: input should be greater"):
        load_settings(methods=["vae-mine:bn"], sets=["vae-mine:bn.beta=-1"])


OLD = """
from typing import ClassVar
from vaecli.remedies.core.remedy import Paper, Remedy{imports}


class Old(Remedy):
    name: ClassVar[str] = "old"
    slots: ClassVar[frozenset] = frozenset({{"term"}})
"""


@pytest.mark.parametrize("imports", ["", ", Slot"])
def test_a_remedy_written_for_slots_is_told_of_owns(monkeypatch, tmp_path, capsys, imports):
    (tmp_path / "vaecli_old.py").write_text(OLD.format(imports=imports))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "vaecli_old", raising=False)
    offer(monkeypatch, old="vaecli_old:Old")
    with pytest.raises(UsageError) as caught:
        make_method("old")
    assert re.search(
        r"^method 'old' can't be loaded: package their-package .*slots'.*'owns' now.*'needs'", str(caught.value)
    )
    assert "Error" not in str(caught.value)
    assert "'owns' now" in load_all()[1]["old"]


def test_other_names_that_are_not_there_stay_unknown():
    with pytest.raises(ImportError, match="Slat"):
        from vaecli.remedies.core.remedy import Slat  # noqa: F401


def test_a_package_without_a_file_of_its_own_is_named_by_its_folder(path):
    (path / "spread_out").mkdir()
    plugin = Plugin("fresh", "vae-mine", "1.0", "spread_out.part:Theirs")
    assert plugin.origin == f"vae-mine 1.0 ({path / 'spread_out'})"
    with pytest.raises(UsageError, match=r"spread_out\): ModuleNotFoundError: No module named 'spread_out.part'"):
        plugin.load()


UNPUBLISHED = """
from vaecli.remedies.core.remedy import Remedy


class Theirs(Remedy):
    name = "fresh"
    title = "fresh"
    equation = "none"
"""


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (UNPUBLISHED, "`paper` is missing; it is a vaecli.remedies.core.remedy.Paper"),
        (
            THEIRS.format(base="beta", kind="Beta", name="fresh") + "    owns = 'kl'\n",
            "`owns` is 'kl'; it is a frozenset",
        ),
    ],
)
def test_a_class_that_declares_wrongly_disables_nothing_else(path, source, why):
    """Its table of partners, of which every remedy is a row, could not be made."""
    file = plant(path, "vae-mine", source, fresh="Theirs")
    kinds, broken = load_all()
    assert list(kinds) == list(REMEDIES)
    assert broken["fresh"].startswith(f"package vae-mine 1.0 ({file}): vae_mine:Theirs: {why}")


@pytest.mark.parametrize(
    ("name", "use"),
    [("he2019", "a paper's here"), ("training", "a word of the settings here"), ("all", "a word of the settings here")],
)
def test_words_that_stand_for_something_else_are_taken_too(path, name, use):
    plant(path, "vae-mine", THEIRS.format(base="beta", kind="Beta", name=name), **{name: "Theirs"})
    assert plugin_notes()[0].endswith(f"the name is {use}; write vae-mine:{name}")
    assert make_method(f"vae-mine:{name}").name == f"vae-mine:{name}"
    assert name not in method_names()


RAISING = """
from vaecli.remedies.beta import Beta


class Theirs(Beta):
    name = "fresh"

    def objective(self, terms, clock):
        raise ValueError("theirs")
"""


def raised(function):
    """The error of a function."""
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("none was raised")


def test_an_error_in_the_hook_of_another_package_is_laid_to_it(path):
    """And not to this program, whose authors can do nothing for it."""
    file = plant(path, "vae-mine", RAISING, fresh="Theirs")
    assert _fault(ValueError()).startswith("this is a fault of the program: please report it, with")
    (remedy,) = make_method("fresh").remedies
    error = raised(lambda: remedy.objective(None, None))
    assert at_fault(error, GROUP).package == "vae-mine"
    assert _fault(error).startswith(f"this is a fault of package vae-mine 1.0 ({file}): please report it to its author")
    ours = raised(lambda: canonical("no_such"))
    assert at_fault(ours, GROUP) is None
    told = f"this is a fault of the program, or of a remedy of package vae-mine 1.0 ({file}): please report it, with"
    assert _fault(ours).startswith(told)


def test_a_remedy_of_another_package_that_fails_leaves_the_rest_of_a_page(path, monkeypatch):
    file = plant(path, "vae-mine", RAISING, fresh="Theirs")
    (remedy,) = make_method("fresh").remedies
    viewer, looks = Viewer(), Looks()
    monkeypatch.setattr(viewer, "_take", lambda trial, number, looks: remedy.objective(None, None))
    viewer.look([SimpleNamespace(trained=True)], 3, looks)
    assert looks.missing == {3: f"package vae-mine 1.0 ({file}): ValueError: theirs"}
    monkeypatch.setattr(viewer, "_take", lambda trial, number, looks: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        viewer.look([SimpleNamespace(trained=True)], 3, looks)


def test_a_companion_that_is_not_there_is_laid_to_the_recipe(path):
    recipe = 'Recipe("nowhere", companions=("no_such",))'
    source = "from vaecli.remedies.core.recipe import Recipe\n" + THEIRS.format(base="beta", kind="Beta", name="fresh")
    plant(path, "vae-mine", f"{source}    recipe = {recipe}\n", fresh="Theirs")
    with pytest.raises(UsageError, match=r"--protocol published: the recipe of 'fresh' has a companion: .*'no_such'"):
        published("fresh", 3)


def test_an_error_in_a_module_of_a_package_of_several_is_laid_to_it(path):
    folder = path / "vae_mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "inner.py").write_text(RAISING)
    plugin = plant_entries(path, "vae-mine", fresh="vae_mine.inner:Theirs")
    (remedy,) = make_method("fresh").remedies
    assert at_fault(raised(lambda: remedy.objective(None, None)), GROUP) == plugin


def plant_entries(folder, package, **entries):
    """A package's metadata alone; its one entry point."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[vaecli.remedies]", *lines, ""]))
    return next(iter(plugins().values()))


LOUD = """
import torch
from vaecli.remedies.beta import Beta

print("loaded")
torch.set_default_dtype(torch.float64)


class Theirs(Beta):
    name = "fresh"
"""


def test_what_an_import_prints_and_sets_stays_with_it(path, capsys):
    """Printed on stdout it would stand before the JSON of `vae methods fresh --json`."""
    plant(path, "vae-loud", LOUD, fresh="Theirs")
    assert make_method("fresh").name == "fresh"
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "loaded\n")
    assert torch.get_default_dtype() == torch.float32
