"""A run's config.toml: the spelling of every file of settings, and that of earlier versions."""

import tomllib

import pytest

from vaecli.config import RunConfig, build_config
from vaecli.core.errors import UsageError
from vaecli.remedies import make_method
from vaecli.runs.folder import with_defaults
from vaecli.runs.grid_file import read_grid
from vaecli.runs.grid_settings import grid_text
from vaecli.settings.resolve import load_settings
from vaecli.settings.run_file import read_run, run_text, settings_by_key
from vaecli.settings.toml_file import WHOLE

EARLIER = """\
experiment = "x"
method = "bn+word_dropout"
preset = "ptb"

[hyper.bn]
gamma = 0.9

[corpus]
data = "ptb"
tokenizer = "split"
max_vocab = 0
min_freq = 1
max_length = 200
text_column = ""
label_column = "auto"
unknown_words = ""
train_size = 16000
valid_size = 2000
test_size = 2000
corpus_seed = 0

[model]
embedding_size = 256
encoder_size = 256
decoder_size = 256
latent_size = 32
embedding_dropout = 0.5
output_dropout = 0.5
embedding_init_range = 0.1

[training]
epochs = 100
batch_size = 32
optimizer = "sgd"
learning_rate = 0.5
clip = 5.0
decay = 0.5
patience = 5
decay_start = 15
max_decays = 5
reload_best = true
seed = 3
device = "auto"
precision = "auto"
threads = 0

[evaluation]
iw_samples = 500
rec_samples = 1
batch_size = 128
precision = "auto"
split = "test"
extra = []
sentences = 0
reference = ""
"""
"""As version 0.1 wrote it; ``model.init_range`` was unset."""


@pytest.fixture
def config():
    sets = ["bn.gamma=0.9", "model.init_range=none"]
    return load_settings(methods=["bn+word_dropout"], preset="ptb", sets=sets).config("bn+word_dropout", 3, "x")


def test_a_file_of_an_earlier_version_is_read(tmp_path, config):
    path = tmp_path / "config.toml"
    path.write_text(EARLIER)
    assert with_defaults(read_run(path)) == config
    assert read_run(path).hyper == {"bn": {"gamma": 0.9}}
    assert read_run(path).model.init_range is None
    path.write_text('method = "vanilla"\nexperiment = "y"\n')
    assert read_run(path) == build_config({"method": "vanilla", "experiment": "y"})


def test_hyper_parameters_are_spelled_as_in_an_experiment(config):
    values = tomllib.loads(run_text(config))
    assert values["methods"] == ["bn+word_dropout"]
    assert values["method"] == {"bn": {"gamma": 0.9, "eps": 1e-12}, "word_dropout": {"rate": 0.38}}, "defaults too"
    assert "hyper" not in values
    assert "method" not in tomllib.loads(run_text(RunConfig()))


def test_what_is_written_is_read_as_a_run_and_as_an_experiment(tmp_path, config):
    path = tmp_path / "config.toml"
    for each in (config, RunConfig()):
        path.write_text(run_text(each))
        assert read_run(path) == each
        settings = load_settings(path)
        assert settings.config(settings.methods[0], settings.seeds[0]) == each, "unset goes before the preset's"


def test_a_hyper_parameter_that_is_unset_comes_back_unset(tmp_path):
    config = load_settings(methods=["geco"]).config("geco", 0)
    (tmp_path / "config.toml").write_text(run_text(config))
    assert 'kappa = "none"' in run_text(config)
    (geco,) = make_method("geco", read_run(tmp_path / "config.toml").hyper).remedies
    assert geco.hyper()["kappa"] is None
    assert load_settings(tmp_path / "config.toml").config("geco", 0) == config


@pytest.mark.parametrize("methods", ['["bn", "beta"]', "[]", '"bn"', "3"])
def test_a_run_is_of_one_method(tmp_path, methods):
    path = tmp_path / "config.toml"
    path.write_text(f"methods = {methods}\n")
    with pytest.raises(UsageError, match=r"config\.toml: methods must name the one method of the run"):
        read_run(path)


def test_a_file_that_lost_its_end_is_not_filled_with_defaults(tmp_path, config):
    """An empty one made a run of beta one of vanilla, in every table. Without the comment, as they were before it."""
    path = tmp_path / "config.toml"
    whole = run_text(config).removeprefix(WHOLE)
    for text in ("", whole.partition("methods")[0]):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"config\.toml: damaged: it names no method; put back"):
            read_run(path)
    for group in ("corpus", "model", "training", "evaluation"):
        path.write_text(whole.partition(f"[{group}]")[0])
        with pytest.raises(UsageError, match=rf"config\.toml: damaged: it has no \[{group}\]; put back"):
            read_run(path)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path, config):
    """Within a table too: one cut inside of [evaluation] was measured with the default number of samples."""
    path = tmp_path / "config.toml"
    whole = run_text(config)
    inside = whole.index("iw_samples")
    for end in (*range(0, inside, 7), *range(inside, len(whole) - 1)):
        path.write_text(whole[:end])
        for read in (read_run, load_settings) if end in (inside, len(whole) - 2) else (read_run,):
            with pytest.raises(UsageError, match=r"config\.toml"):
                read(path)
    path.write_text(whole[:inside])
    with pytest.raises(UsageError, match=r"config\.toml: damaged: its end is lost, from line \d+ on; put back the one"):
        read_run(path)


def test_a_grid_that_is_cut_within_a_table_is_refused(tmp_path):
    path = tmp_path / "experiment.toml"
    whole = grid_text("x", load_settings(methods=["bn"]))
    path.write_text(whole[: whole.index("iw_samples")])
    for read in (load_settings, lambda file: read_grid(file.parent)):
        with pytest.raises(UsageError, match=r"experiment\.toml: damaged: its end is lost"):
            read(path)


def test_settings_that_are_added_below_the_end_are_read(tmp_path, config):
    path = tmp_path / "config.toml"
    text = run_text(config)
    path.write_bytes((text.replace("[evaluation]", "[left_out]") + "\n[evaluation]\n").replace("\n", "\r\n").encode())
    with pytest.raises(UsageError, match="left_out"):  # and not that it is damaged
        read_run(path)


@pytest.mark.parametrize(
    "text", ["methods = [3]", 'methods = ["bn"]\nmethod = 3', "[training]\nepochs = 0", "training = 1"]
)
def test_values_of_another_type_are_told_with_the_file(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"config\.toml: "):
        read_run(path)


def test_settings_by_key_have_the_keys_that_set_takes(config):
    keyed = settings_by_key(config)
    assert keyed["bn.gamma"] == 0.9
    assert (keyed["method"], keyed["training.seed"], keyed["model.init_range"]) == ("bn+word_dropout", 3, None)
    values = {key: value for key, value in keyed.items() if "." in key and key != "training.seed"}
    again = load_settings(methods=["bn+word_dropout"], preset="ptb", seeds=3, values=values)
    assert again.config("bn+word_dropout", 3, "x") == config
