"""Layers of settings: precedence, locations, and everything a user can get wrong."""

import numpy as np
import pytest

from vaecli.config import GROUPS, RunConfig, build_config
from vaecli.core.errors import DataError, UsageError
from vaecli.corpus.load import load_corpus
from vaecli.corpus.origins import corpus_title
from vaecli.remedies import method_names
from vaecli.settings.layers import parse_value
from vaecli.settings.presets import load_preset, preset_names
from vaecli.settings.resolve import load_settings, parse_methods, parse_seeds
from vaecli.settings.toml_file import key_lines


@pytest.fixture
def grid(tmp_path):
    def write(text):
        path = tmp_path / "exp.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(**arguments):
    with pytest.raises(UsageError) as caught:
        load_settings(**arguments)
    return str(caught.value)


# presets


def test_the_quick_preset_writes_out_the_defaults():
    assert build_config(load_preset("quick")) == RunConfig()


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid_and_say_where_they_come_from(name):
    config = build_config(load_preset(name))
    assert config.evaluation.split == "test"


def test_paper_presets_share_the_protocol():
    assert preset_names()[0] == "quick"
    for name in set(preset_names()) - {"quick"}:
        config = build_config(load_preset(name))
        t = config.training
        assert (t.optimizer, t.batch_size, t.epochs, t.clip, t.decay, t.max_decays) == ("sgd", 32, 100, 5.0, 0.5, 5)
        assert (t.decay_start, t.reload_best, config.evaluation.iw_samples) == (15, True, 500)
        assert (config.model.init_range, config.model.embedding_init_range) == (0.01, 0.1)
        assert config.model.embedding_dropout == config.model.output_dropout == 0.5
        assert config.model.latent_size == 32
    sizes = {n: build_config(load_preset(n)).model for n in ("ptb", "yahoo", "yelp", "snli")}
    assert {n: (m.embedding_size, m.encoder_size, m.decoder_size) for n, m in sizes.items()} == {
        "ptb": (256, 256, 256),
        "yahoo": (512, 1024, 1024),
        "yelp": (512, 1024, 1024),
        "snli": (128, 512, 512),
    }


def test_an_unknown_preset_names_the_nearest():
    assert "did you mean 'yelp'?" in problems(preset="yelpp")


# precedence


def test_preset_file_options_and_set_win_in_this_order(grid):
    path = grid('preset = "ptb"\n[training]\nepochs = 7\nclip = 3.0\npatience = 4\n[model]\nlatent_size = 8\n')
    settings = load_settings(
        path,
        options={"training": {"epochs": 6, "clip": 2.0, "batch_size": None}},
        sets=["training.epochs=5"],
    )
    training = settings.config("vanilla", 0).training
    assert (training.epochs, training.clip, training.patience) == (5, 2.0, 4)  # --set, option, file
    assert (training.batch_size, training.optimizer) == (32, "sgd")  # the preset's
    assert settings.config("vanilla", 0).model.latent_size == 8
    assert settings.config("vanilla", 0).preset == "ptb"


def test_a_preset_option_goes_before_the_files(grid):
    settings = load_settings(grid('preset = "ptb"\n'), preset="snli")
    assert (settings.preset, settings.config("vanilla", 0).model.encoder_size) == ("snli", 512)


def test_methods_and_seeds_of_options_replace_those_of_the_file(grid):
    path = grid('methods = ["bn", "beta+word_dropout"]\nseeds = "0-2"\n')
    settings = load_settings(path)
    assert (settings.methods, settings.seeds) == (("bn", "beta+word_dropout"), (0, 1, 2))
    settings = load_settings(path, methods=["word_dropout+bn"], seeds="7")
    assert (settings.methods, settings.seeds) == (("bn+word_dropout",), (7,))


def test_a_remedys_hyper_parameters_reach_only_its_methods(grid):
    path = grid('methods = ["vanilla", "bn", "bn+word_dropout"]\n[method.bn]\ngamma = 0.7\n')
    settings = load_settings(path, sets=["bn.gamma=0.6", "word_dropout.rate=.5"])
    assert settings.config("vanilla", 0).hyper == {}
    assert settings.config("bn", 0).hyper == {"bn": {"gamma": 0.6, "eps": 1e-12}}, "with its defaults"
    both = settings.config("bn+word_dropout", 0).hyper
    assert both == {"bn": {"gamma": 0.6, "eps": 1e-12}, "word_dropout": {"rate": 0.5}}


def test_an_override_holds_for_its_method_only_and_yields_to_the_command_line(grid):
    path = grid('methods = ["bn", "vae"]\n[override.bn.training]\nepochs = 9\nclip = 1.0\n[training]\nepochs = 4\n')
    settings = load_settings(path)
    assert settings.config("bn", 0).training.epochs == 9
    assert settings.config("vanilla", 0).training.epochs == 4
    settings = load_settings(path, sets=["training.epochs=2"])
    assert settings.config("bn", 0).training.epochs == 2
    assert settings.overrides == {"bn": {"training": {"clip": 1.0}}}


def test_seeds_come_from_seeds_or_training_seed_but_not_from_both(grid):
    assert load_settings().seeds == (0,)
    assert load_settings(sets=["training.seed=4"]).seeds == (4,)
    assert load_settings(options={"training": {"seed": 3}}).seeds == (3,)
    assert load_settings(grid('seeds = "0-2"\n'), sets=["training.seed=4"]).seeds == (4,)
    assert load_settings(grid("[training]\nseed = 5\n")).seeds == (5,)
    assert ":3: training.seed and seeds" in problems(file=grid('seeds = "0-2"\n[training]\nseed = 5\n'))


def test_a_corpus_in_the_home_of_nobody_is_told_where_it_is_opened():
    data = "~nobody-is-called-so/x.csv"
    config = load_settings(options={"corpus": {"data": data}}).config("bn", 0)
    assert (config.corpus.data, corpus_title(data)) == (data, "x")
    with pytest.raises(
        DataError, match=r"nobody-is-called-so/x\.csv' \(--data\): can't be opened: Could not determine home"
    ):
        load_corpus(config.corpus)


def test_none_unsets_what_may_be_unset(grid):
    assert load_settings(preset="ptb", sets=["model.init_range=none"]).config("bn", 0).model.init_range is None
    assert load_settings(grid('preset = "ptb"\n[model]\ninit_range = "none"\n')).groups["model"]["init_range"] is None
    assert "training.epochs" in problems(sets=["training.epochs=none"])


def test_relative_data_belongs_to_the_file_or_to_the_working_directory(grid, tmp_path, monkeypatch):
    (tmp_path / "text").mkdir()
    there = tmp_path / "elsewhere"
    (there / "text").mkdir(parents=True)
    monkeypatch.chdir(there)
    path = grid('data = "text"\n')
    assert load_settings(path).groups["corpus"]["data"] == str(tmp_path / "text")
    assert load_settings(grid('[corpus]\ndata = "./new"\n')).groups["corpus"]["data"] == str(tmp_path / "new")
    assert load_settings(options={"corpus": {"data": "text"}}).groups["corpus"]["data"] == str(there / "text")
    assert load_settings(sets=["corpus.data=../text"]).groups["corpus"]["data"] == str(tmp_path / "text")
    assert load_settings(options={"corpus": {"data": "ptb"}}).groups["corpus"]["data"] == "ptb"
    assert load_settings(sets=["corpus.data=2024"]).groups["corpus"]["data"] == "2024"


def test_the_settings_file_of_a_run_of_an_earlier_version_is_an_experiments_too(grid):
    import tomli_w

    config = load_settings(methods=["bn"], seeds="3", preset="ptb", sets=["bn.gamma=0.9"]).config("bn", 3, "x")
    path = grid(tomli_w.dumps(config.model_dump(exclude_none=True)))
    settings = load_settings(path)
    assert settings.config(settings.methods[0], settings.seeds[0]) == config


# values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-3", 1e-3),
        (".5", 0.5),
        ("true", True),
        ("adam", "adam"),
        ('"a b"', "a b"),
        ("a\nb = 2", "a\nb = 2"),
        ("1\nother = 2", "1\nother = 2"),
        ("", ""),
    ],
)
def test_values_are_toml_and_otherwise_text(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    ("value", "seeds"),
    [
        ("0-2,5", (0, 1, 2, 5)),
        ("3", (3,)),
        (4, (4,)),
        (np.int64(4), (4,)),
        ([2, 0, 2], (2, 0)),
        (" 1 - 2 , 1", (1, 2)),
        (["0-1", 9], (0, 1, 9)),
    ],
)
def test_seeds(value, seeds):
    assert parse_seeds(value) == seeds


@pytest.mark.parametrize(
    "value", ["", "a", "2-1", "-1", "1,,2", "0-100000", "0-99999999999", True, 1.5, np.float64(1), [], ["x"], None, "١"]
)
def test_what_is_no_seeds(value):
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(value)


def test_methods_are_in_one_spelling_in_the_order_given():
    assert parse_methods(["bn, word_dropout+beta", "vae,bn"]) == ("bn", "beta+word_dropout", "vanilla")
    assert parse_methods(["all"]) == tuple(method_names())
    with pytest.raises(UsageError, match="no method is named"):
        parse_methods([" , "])


# what is wrong


def test_all_problems_of_all_layers_come_together(grid):
    path = grid(
        'experiment = "../x"\n'
        'methods = ["bn", "bm"]\n'
        "epochs = 3\n"
        "[training]\n"
        "learning_rat = 0.1\n"
        "clip = -1.0\n"
        "latent_size = 3\n"
        "[modle]\n"
        "[override.bn.corpus]\n"
        "min_freq = 2\n"
    )
    text = problems(file=path, sets=["trainin.epochs=3", "training.patience=x", "nonsense"], seeds="x", preset="quik")
    for line in (
        f"{path}:1: experiment name '../x'",
        f"unknown method 'bm' ({path}:2)",
        f"{path}:3: unknown key 'epochs'; it belongs in [training]",
        f"{path}:5: unknown key 'learning_rat' in [training]; did you mean 'learning_rate'?",
        f"{path}:6: training.clip: ",
        f"{path}:7: unknown key 'latent_size' in [training]; it belongs in [model]",
        f"{path}:8: unknown key 'modle'; did you mean 'model'?",
        f"{path}:9: [override.bn.corpus]: only ",
        "--set trainin.epochs=3: unknown group or remedy 'trainin'; did you mean 'training'?",
        "--set training.patience=x: training.patience: ",
        "--set nonsense: write group.key=value",
        "--seeds: seeds are integers",
        "unknown preset 'quik': did you mean 'quick'?",
    ):
        assert line in text
    assert text.startswith("13 problems in the settings:")


def test_hyper_parameters_of_an_alias_of_several_need_the_name_of_one():
    text = problems(sets=["bowman.rate=0.5"])
    assert "unknown group or remedy 'bowman'; it is several remedies, so name sigmoid_anneal or word_dropout" in text


def test_hyper_parameters_are_checked_by_their_remedies_at_their_place(grid):
    path = grid('methods = ["bn", "bn+word_dropout"]\n[method.bn]\ngamma = -1.0\ngama = 1\n')
    text = problems(file=path, sets=["word_dropout.rate=2"])
    assert f"{path}:3: bn.gamma: " in text
    assert f"{path}:4: bn.gama: unknown key; did you mean 'gamma'?" in text
    assert "--set word_dropout.rate=2: word_dropout.rate: " in text
    assert text.startswith("3 problems"), "a remedy that two methods use is reported once"


def test_clashes_are_found_before_anything_runs():
    assert "both change 'kl_weight'" in problems(methods=["beta+linear_anneal"])


def test_settings_for_what_does_not_run_are_refused(grid):
    assert "no method uses 'bn'; the methods are vanilla" in problems(sets=["bn.gamma=0.5"])
    path = grid('methods = ["bn"]\n[method.beta]\nbeta = 0.5\n[override.vanilla.training]\nclip = 1.0\n')
    text = problems(file=path)
    assert f"{path}:3: no method uses 'beta'" in text
    assert f"{path}:4: no method is 'vanilla'" in text
    wrong = grid('methods = ["bnn"]\n[method.bn]\ngamma = 0.5\n')
    for text in (problems(file=wrong), problems(methods=["bnn"], sets=["bn.gamma=0.5"])):
        assert text.count("\n") == 0, "of a name that is wrong nobody knows what it uses"


def test_a_part_of_a_files_grid_may_run_alone(grid):
    path = grid('methods = ["bn", "beta"]\n[method.beta]\nbeta = 0.5\n[override.beta.training]\nclip = 1.0\n')
    settings = load_settings(path, methods=["bn"])
    assert (settings.hyper, settings.overrides) == ({}, {})


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_are_finite(value):
    text = problems(sets=[f"training.learning_rate={value}"])
    assert f"training.learning_rate: must be a finite number, got {value}" in text


def test_a_key_is_set_once_in_a_command_line():
    text = problems(sets=["training.epochs=3", "training.clip=1.0", "training.epochs=4"])
    assert (
        text
        == "--set training.epochs=4: training.epochs is set twice, 3 and 4 (first: --set training.epochs=3); keep one"
    )
    assert "is set twice, 3 and 3" in problems(sets=["training.epochs=3", "training.epochs=3"])
    text = problems(methods=["control"], sets=["control.target=2", "control_vae.target=3"])
    assert "control.target is set twice, 2 and 3 (first: --set control.target=2)" in text, "an alias is the same key"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('data = "a"\n[corpus]\ndata = "b"\n', "corpus.data is set twice"),
        ("[method.control]\ntarget = 2\n[method.control_vae]\ntarget = 3\n", "control.target is set twice, 2 and 3"),
        ("[method.control]\ntarget = 2\n[hyper.control]\ntarget = 3\n", "control.target is set twice, 2 and 3"),
        (
            "[override.control.training]\nclip = 1.0\n[override.control_vae.training]\nclip = 2.0\n",
            "override.control.training.clip is set twice, 1.0 and 2.0",
        ),
    ],
)
def test_a_key_is_set_once_in_a_file(grid, text, said):
    path = grid('methods = ["control"]\n'[: 0 if text.startswith("data") else None] + text)
    message = problems(file=path)
    assert said in message
    assert message.count(f"{path}:") == 2, "both lines are named"


def test_set_goes_before_an_option_and_says_so():
    options = {"training": {"epochs": 6}}
    settings = load_settings(options=options, sets=["training.epochs=5"])
    assert settings.notes == ("--set training.epochs=5 goes before --epochs 6",)
    assert load_settings(options=options, sets=["training.epochs=6", "training.clip=1.0"]).notes == ()


def test_seeds_are_said_once_in_a_command_line():
    text = problems(seeds="0-2", sets=["training.seed=4"])
    assert text == "--set training.seed=4: --seeds 0-2 says the seeds too; keep one"
    assert load_settings(values={"training.seed": 4}).seeds == (4,)
    text = problems(seeds=1, values={"training.seed": 4}, seeds_option="seed")
    assert text == "settings['training.seed']: seed 1 says the seeds too; keep one"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = \n", 1), ("[training]\nepochs = 1\nepochs = 2\n", 3), ("[training]\nx = 1 2\n", 2)],
)
def test_toml_errors_say_the_line(grid, text, line):
    path = grid(text)
    assert problems(file=path).startswith(f"{path}:{line}: ")


def test_files_that_are_no_settings(tmp_path):
    assert "can't read it" in problems(file=tmp_path / "none.toml")
    assert "can't read it" in problems(file=tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'experiment = "\xe4"\n')
    assert "not UTF-8 at byte 14" in problems(file=tmp_path / "latin.toml")


@pytest.mark.parametrize(
    "text",
    [
        "training = 3\n",
        "seeds = 1.5\n",
        "methods = [1]\n",
        "jobs = -1\n",
        "preset = 3\n",
        "override = 1\n",
        "[method]\nbn = 3\n",
        "[method.bn]\ngamma = [[1]]\n",
        "[training]\nlearning_rate = [[1]]\n",
        "[model]\nlatent_size = [{a = 1}]\n",
        "[model]\nlatent_size = []\n",
        "[override.bn.training]\nseed = 1\n",
        'data = "a"\n[corpus]\ndata = "b"\n',
        "[corpus]\ntokenizer = 3\n",
        '[training]\nepochs = "3"\n',
        "[training]\nepochs = 3.0\n",
    ],
)
def test_wrong_types_name_the_line(grid, text):
    path = grid('methods = ["bn"]\n'[: 0 if "methods" in text else None] + text)
    assert f"{path}:" in problems(file=path)


def test_lines_of_keys():
    text = '# top\na = 1\n[training]  # x\nepochs = 3\n[override."bn+x".model]\n"latent_size" = 2\n[b.c]\nd.e = 1\n'
    assert key_lines(text) == {
        ("a",): 2,
        ("training",): 3,
        ("training", "epochs"): 4,
        ("override", "bn+x", "model"): 5,
        ("override", "bn+x", "model", "latent_size"): 6,
        ("b", "c"): 7,
        ("b", "c", "d", "e"): 8,
    }


def test_no_group_shares_its_name_with_a_remedy():
    assert not set(GROUPS) & set(method_names()), "--set training.x would be ambiguous"
