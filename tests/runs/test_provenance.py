"""The packages of a run's remedies: recorded, asked for again, and never averaged without a word."""

import re
import sys

import pytest
from support import TINY, plant, write_corpus

import vaecli
from tests.runs.grids import finish, prepared, run_json
from vaecli.config import RunConfig
from vaecli.core.errors import UsageError
from vaecli.remedies import plugins
from vaecli.reporting.read_results import load_results
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run
from vaecli.runs.provenance import method_of_run, package_notes, packages_of
from vaecli.runs.tables import results_table, summary_table
from vaecli.runs.trial_index import read_trials

THEIRS = 'from vaecli.remedies.beta import Beta\n\n\nclass Theirs(Beta):\n    name = "{name}"\n'


@pytest.fixture
def path(monkeypatch, tmp_path):
    """A folder on the path for packages, which is forgotten afterwards."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    plugins.cache_clear()
    yield folder
    plugins.cache_clear()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def remove(folder):
    for file in sorted(folder.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    plugins.cache_clear()


def test_a_run_knows_the_packages_and_says_which_to_install(path, tmp_path):
    plant(path, "vae-mine", THEIRS.format(name="fresh"), version="0.3", fresh="Theirs")
    data = write_corpus(tmp_path / "text")
    run = vaecli.train("bow+fresh", data=data, out=tmp_path / "runs", name="exp", settings=TINY)
    assert run_json(run.path)["packages"] == {
        "bow": {"name": "vaecli", "version": vaecli.__version__},
        "fresh": {"name": "vae-mine", "version": "0.3"},
    }
    assert load_run(run.path).method.name == "bow+fresh"
    (row,) = results_table(tmp_path / "runs" / "exp")["versions"]
    assert "bow 1, fresh 1, fresh.package vae-mine" in row
    remove(path)
    with pytest.raises(UsageError) as caught:
        load_run(run.path)
    told = "its method 'fresh' is of package vae-mine 0.3, which doesn't bring it here; install that version, as by "
    assert str(caught.value) == f"{run.path}: {told}`pip install vae-mine==0.3`"
    assert list(vaecli.report(run.path.parent.parent).trials["method"]) == ["bow+fresh"]


def test_another_package_s_remedy_of_the_same_name_is_not_taken_for_it(path, tmp_path):
    plant(path, "vae-yours", THEIRS.format(name="fresh"), fresh="Theirs")
    folder = RunFolder(tmp_path / "run").create(RunConfig(method="fresh"))
    assert method_of_run(folder, folder.config()).name == "fresh"  # a run of before packages were recorded
    folder.update(packages={"fresh": {"name": "vae-mine", "version": "0.3"}})
    with pytest.raises(UsageError, match=r"is of package vae-mine 0\.3, and here of vae-yours 1\.0; remove the latter"):
        method_of_run(folder, folder.config())


def test_hyper_parameters_that_are_others_by_now_are_laid_to_the_run(path, tmp_path):
    source = THEIRS.format(name="fresh") + "    {key}: float = 0.5\n"
    file = plant(path, "vae-mine", source.format(key="rate"), version="0.3", fresh="Theirs")
    more = {"data": write_corpus(tmp_path / "text"), "out": tmp_path / "runs", "name": "exp", "settings": TINY}
    run = vaecli.train("fresh", **more)
    file.write_text(source.format(key="speed"))
    del sys.modules["vae_mine"]
    told = r"hyper-parameters: fresh\.rate: unknown key; choose from beta, speed$"
    head = f"^{re.escape(str(run.path))}: its method"
    with pytest.raises(UsageError, match=rf"{head}, trained with vae-mine 0\.3, can't be made here: {told}"):
        load_run(run.path)
    with pytest.raises(UsageError, match=rf"{head} can't be made here as it was trained; .*--overwrite it: {told}"):
        vaecli.compare(["fresh"], **more)


def test_a_run_of_before_that_does_not_say_its_package(tmp_path):
    folder = RunFolder(tmp_path / "run").create(RunConfig())
    config = folder.path / "config.toml"
    config.write_text(config.read_text().replace('"vanilla"', '"fresh"'))
    with pytest.raises(UsageError, match="not installed here, and the run doesn't say which package it is of"):
        method_of_run(folder, folder.config())
    folder.update(packages={"fresh": 3})
    with pytest.raises(UsageError, match=r"run\.json: packages\.fresh"):
        folder.run()


def test_packages_of_what_is_installed():
    assert packages_of("bn+bow") == {name: {"name": "vaecli", "version": vaecli.__version__} for name in ("bn", "bow")}


def package(name, version):
    return {"packages": {"vanilla": {"name": name, "version": version}}}


def test_trials_of_two_versions_of_a_package_are_averaged_with_a_word(tmp_path):
    """The remedy's own version says that no number moved."""
    for trial, version in zip(prepared(tmp_path, seeds="0,1"), ("0.3", "0.4"), strict=True):
        finish(trial, {"kl": 1.0}, **package("vae-mine", version))
    results = load_results(tmp_path / "exp")
    assert list(summary_table(results.frame)["trials"]) == [2]
    told = "vanilla: trials of vae-mine 0.3 and 0.4 are taken for one, for its remedy says version 1 in both"
    assert list(results.notes) == [told] == package_notes(read_trials(tmp_path / "exp"))


def test_trials_of_two_packages_are_not_averaged(tmp_path):
    for trial, name in zip(prepared(tmp_path, seeds="0,1"), ("vae-mine", "vae-yours"), strict=True):
        finish(trial, {"kl": 1.0}, **package(name, "0.3"))
    summary = summary_table(results_table(tmp_path / "exp"))
    assert list(summary["trials"]) == [1, 1]
    assert list(summary["versions"]) == ["vanilla.package vae-mine", "vanilla.package vae-yours"]
    assert load_results(tmp_path / "exp").notes == ()


def test_versions_of_vaecli_itself_are_not_told(tmp_path):
    for trial, version in zip(prepared(tmp_path, seeds="0,1"), ("0.3", "0.4"), strict=True):
        finish(trial, {"kl": 1.0}, **package("vaecli", version))
    assert load_results(tmp_path / "exp").notes == ()
