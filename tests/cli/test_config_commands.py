"""`vae config`: files that load, settings with their origin, keys explained, differences."""

import json
import os
import subprocess
import sys
import tomllib

import pytest
from support import TINY, plant
from typer.testing import CliRunner

from vaecli.catalogue.settings_table import annotated, effective, setting_info, toml_value
from vaecli.cli.app import app
from vaecli.config import GROUPS
from vaecli.core.errors import UsageError
from vaecli.remedies import make_method, method_names, plugins
from vaecli.settings.known_keys import keys_of
from vaecli.settings.presets import preset_names
from vaecli.settings.resolve import load_settings
from vaecli.settings.searches import shared_settings, write_search


@pytest.fixture
def vae(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        result = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False, env={"COLUMNS": "100"})
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def effective_of(**how):
    return effective(load_settings(**how))


@pytest.mark.parametrize("preset", preset_names())
def test_an_annotated_file_means_the_preset(preset, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(annotated(preset, ["vanilla"]))
    there = effective_of(file=path)
    here = effective_of(preset=preset)
    for values in (here, there):
        del values["corpus.data"]  # relative to the file, and to the working folder
    assert there == here


def test_an_annotated_file_holds_every_hyper_parameter_of_its_methods(tmp_path):
    path, names = tmp_path / "x.toml", method_names()
    path.write_text(annotated("quick", names))
    expected = {key: values for name in names for key, values in make_method(name).hyper.items()}
    assert tomllib.loads(path.read_text())["method"] == expected
    assert effective_of(file=path) == effective_of(methods=names)


def test_a_remedy_that_is_addressed_with_its_package_is_in_files_that_load(vae, tmp_path, monkeypatch):
    source = 'from vaecli.remedies.beta import Beta\n\n\nclass Theirs(Beta):\n    name = "bn"\n'
    plant(tmp_path, "vae-quoted", source, bn="Theirs")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.cache_clear()
    name, path = "vae-quoted:bn", tmp_path / "x.toml"
    try:
        path.write_text(annotated("quick", [name]))
        assert tomllib.loads(path.read_text())["method"] == {name: {"beta": 0.4}}
        assert effective_of(file=path) == effective_of(methods=[name])
        assert tomllib.loads(vae("config", "show", "--methods", name))["method"] == {name: {"beta": 0.4}}
        assert f'[method."{name}"] in a file' in vae("config", "explain", f"{name}.beta")
    finally:
        plugins.cache_clear()


def test_each_key_of_a_file_is_explained_on_the_lines_before_it():
    lines = annotated("ptb", ["bn"]).splitlines()
    keys = [n for n, text in enumerate(lines) if " = " in text and not text.startswith("#")]
    for n in keys[3:]:  # after methods, seeds and preset
        assert lines[n - 1].startswith("# "), lines[n]
    gamma = next(n for n in keys if lines[n] == "gamma = 0.6")
    assert "default 0.6" in " ".join(lines[gamma - 3 : gamma])


@pytest.mark.parametrize("preset", preset_names())
def test_an_annotated_file_is_no_wider_than_an_editor(preset):
    assert [line for line in annotated(preset, ["bn"]).splitlines() if len(line) > 120] == []


def test_init_writes_a_file_and_replaces_none(vae, tmp_path):
    assert tomllib.loads(vae("config", "init"))["methods"] == ["vanilla"]
    vae("config", "init", "--preset", "ptb", "--methods", "bn,lagging", "-o", "x.toml")
    assert tomllib.loads((tmp_path / "x.toml").read_text())["method"]["lagging"]["inner_updates"] == 99
    with pytest.raises(UsageError, match="--overwrite"):
        vae("config", "init", "-o", "x.toml")
    with pytest.raises(UsageError, match="--overwrite replaces the file of --output; name one"):
        vae("config", "init", "--overwrite")


def test_show_says_where_each_setting_was_said(vae, tmp_path, monkeypatch):
    (tmp_path / "x.toml").write_text('methods = ["bn"]\npreset = "ptb"\n[training]\nclip = 2.0\n')
    monkeypatch.setenv("VAE_DEVICE", "cpu")
    text = vae("config", "show", "x.toml", "--epochs", "7", "--set", "bn.gamma=0.3,0.5")
    said = {line.partition(" = ")[0]: line.partition("# ")[2] for line in text.splitlines()}
    assert said["epochs"] == "--epochs"
    assert said["clip"] == "x.toml:4"
    assert said["optimizer"] == "preset ptb"
    assert said["device"] == "VAE_DEVICE"
    assert said["gamma"] == "--set bn.gamma=0.3,0.5"
    assert said["eps"] == "default"
    assert tomllib.loads(text)["method"]["bn"] == {"gamma": [0.3, 0.5], "eps": 1e-12}


@pytest.mark.parametrize("words", ["UNK  OOV", "x[ y , ]", "UNK\nOOV"])
def test_show_keeps_texts_as_they_are(vae, words):
    text = vae("config", "show", "--set", f"corpus.unknown_words={words}")
    assert tomllib.loads(text)["corpus"]["unknown_words"] == words


def test_show_finds_what_a_search_has_found(vae, tmp_path):
    told = {"values": {"bn.gamma": 0.4}, "objective": "neg_elbo", "epochs": 6, "budget": 12, "seed": 0}
    entry = {**told, "finished": True, "settings": shared_settings(load_settings(methods=["bn"]).groups)}
    write_search(tmp_path / "runs" / "tune-synthetic", "bn", entry)
    text = vae("config", "show", "--method", "bn", "--protocol", "tuned")
    assert "gamma = 0.4" in text
    (tmp_path / "x.toml").write_text(text)
    assert load_settings(tmp_path / "x.toml").config("bn", 0).hyper["bn"]["gamma"] == 0.4, "without the search"


def test_show_without_anything_is_the_preset_quick(vae):
    values = json.loads(vae("config", "show", "--json"))
    assert values["preset"] == "quick"
    assert values["tracking.tracker"] == []


def test_what_show_prints_is_a_file_of_the_same_settings(vae, tmp_path):
    own = "[override.bn.training]\nclip = 2.0\n[override.bn.model]\nlatent_size = 8\n"
    (tmp_path / "x.toml").write_text(f'methods = ["bn", "beta"]\nseeds = [3]\n{own}')
    (tmp_path / "y.toml").write_text(vae("config", "show", "x.toml"))
    assert effective_of(file=tmp_path / "y.toml") == effective_of(file=tmp_path / "x.toml")
    assert json.loads(vae("config", "show", "x.toml", "--json"))["override.bn.training.clip"] == 2.0
    assert vae("config", "diff", "x.toml", "y.toml") == ""


SETS = ("training.clip=1.0", "lagging.inner_updates=10", "linear_anneal.start=0.2")


@pytest.mark.parametrize("protocols", ["published", "shared,published", "published,shared"])
@pytest.mark.parametrize("sets", [SETS, ()])
def test_what_show_prints_trains_the_same_under_each_protocol(vae, tmp_path, protocols, sets):
    """What goes before a protocol stays before it, and what a protocol says of one is not said of the other."""
    words = [word for text in sets for word in ("--set", text)]
    text = vae("config", "show", "--methods", "lagging,linear_anneal", "--protocol", protocols, *words)
    (tmp_path / "x.toml").write_text(text)
    grid = load_settings(methods=["lagging", "linear_anneal"], options={"training": {"protocol": protocols}}, sets=sets)
    read = load_settings(tmp_path / "x.toml")
    for method in grid.methods:
        assert read.variants(method) == grid.variants(method)
        for variant in grid.variants(method):
            assert read.config(method, 0, variant=variant) == grid.config(method, 0, variant=variant)


def test_differences_of_files_with_defaults(vae, tmp_path):
    (tmp_path / "x.toml").write_text('methods = ["bn"]\n')
    (tmp_path / "y.toml").write_text('methods = ["bn"]\n[method.bn]\ngamma = 0.7\n[model]\ninit_range = 0.01\n')
    assert vae("config", "diff", "x.toml", "y.toml").splitlines() == [
        'model.init_range: "none" -> 0.01',
        "bn.gamma: 0.6 -> 0.7",
    ]
    assert json.loads(vae("config", "diff", "x.toml", "y.toml", "--json"))["bn.gamma"] == [0.6, 0.7]


def test_runs_and_experiments_are_sources_too(vae, tmp_path):
    small = {**TINY, "corpus.train_size": 40, "corpus.valid_size": 20, "corpus.test_size": 20}
    vae("train", "--method", "bn", *(f"--set={key}={value}" for key, value in small.items()), "-q")
    run = "runs/synthetic/bn/seed-0"
    assert tomllib.loads(vae("config", "show", run))["method"]["bn"]["gamma"] == 0.6
    assert vae("config", "diff", run, f"{run}/config.toml") == ""
    with pytest.raises(UsageError, match="folder of no run and of no experiment"):
        vae("config", "show", "runs")
    with pytest.raises(UsageError, match="runs/synthetic has no settings of its own"):
        vae("config", "show", "runs/synthetic")


def test_a_key_is_explained(vae):
    text = vae("config", "explain", "bn.gamma")
    assert text.startswith("bn.gamma\n")
    assert "a number, x > 0; default 0.6" in text
    assert "gamma=1.8" in text, "what is published"
    text = vae("config", "explain", "--", "epochs", "--save-every")
    assert text.startswith("training.epochs\n")
    assert "quick 6, ptb 100" in text
    assert "said by --epochs" in text
    assert "training.save_every\n" in text


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("gamma", "did you mean bn.gamma, du.gamma or wae_s.gamma?"),
        ("epoch", "did you mean training.epochs?"),
        ("bn.gama", "did you mean 'gamma'?"),
        ("trainig.epochs", "did you mean 'training'?"),
        ("zzz", "write group.key or remedy.key"),
        ("bn", "name one: bn.gamma, bn.eps"),
        ("vanilla", "it has none"),
    ],
)
def test_a_key_that_is_none_names_what_is_near(key, words):
    with pytest.raises(UsageError) as error:
        setting_info(key)
    assert words in str(error.value)


def test_every_setting_can_be_explained():
    for owner in (*GROUPS, *method_names()):
        for name in keys_of(owner):
            info = setting_info(f"{owner}.{name}")
            assert info.description
            assert info.kind
            assert tomllib.loads(f"x = {toml_value(info.default)}")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("train", "--method", "bn", "--gamma", "0.5"), "did you mean --set bn.gamma=VALUE?"),
        (("compare", "--methods=bn,beta", "--gamma=0.5"), "did you mean --set bn.gamma=VALUE?"),
        (("train", "--learning-rate", "1"), "did you mean --set training.learning_rate=VALUE?"),
        (("train", "--epoch", "1"), "did you mean --epochs?"),
        (("train", "--frobnicate"), "--help` lists them"),
        (("compare", "--seed", "3"), "did you mean --seeds?"),
        (("train", "--method", "bn", "--set", "gamma=0.5"), "--set gamma=0.5: did you mean bn.gamma?"),
        (("train", "--set", "gamma=0.5"), "did you mean bn.gamma, du.gamma or wae_s.gamma?"),
        (("train", "--set", "zzz=0.5"), "name a setting as group.key or remedy.key"),
        (("train", "--method", "BN"), "did you mean 'bn'?"),
    ],
)
def test_an_option_that_is_none_is_answered_by_what_is_meant(vae, words, answer):
    with pytest.raises(UsageError) as error:
        vae(*words)
    assert answer in str(error.value)


def test_settings_on_a_stream_without_their_letters_are_toml_too(tmp_path):
    """The path of a corpus as an ASCII stdout has it is the same path to whoever reads the file."""
    words = [sys.executable, "-m", "vaecli", "config", "show", "--data", "café/日本"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(words, capture_output=True, cwd=tmp_path, env=environment, check=True, timeout=120)
    assert tomllib.loads(done.stdout.decode("ascii"))["corpus"]["data"] == str(tmp_path / "café/日本")
