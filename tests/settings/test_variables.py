"""``VAE_*`` variables: below a file, an option and ``--set``, above the preset."""

import pytest

from vaecli.core.errors import UsageError
from vaecli.settings.resolve import load_settings


def settings(tmp_path, text="", environment=None, **how):
    path = tmp_path / "x.toml"
    path.write_text(text)
    return load_settings(path, environment=environment, **how)


def test_a_variable_goes_before_a_preset_only(tmp_path):
    env = {"VAE_PRECISION": "fp32", "VAE_DEVICE": "cpu"}
    training = settings(tmp_path, "", env).config("vanilla", 0).training
    assert (training.precision, training.device) == ("fp32", "cpu")
    in_file = settings(tmp_path, '[training]\nprecision = "bf16"\n', env)
    assert in_file.config("vanilla", 0).training.precision == "bf16"
    assert in_file.locations["training.precision"].endswith("x.toml:2")
    option = settings(tmp_path, "", env, options={"training": {"precision": "bf16"}})
    assert option.config("vanilla", 0).training.precision == "bf16"
    assert option.config("vanilla", 0).training.device == "cpu"


def test_preset_and_jobs(tmp_path):
    env = {"VAE_PRESET": "ptb", "VAE_JOBS": "3"}
    assert (settings(tmp_path, "", env).preset, settings(tmp_path, "", env).jobs) == ("ptb", 3)
    assert settings(tmp_path, 'preset = "snli"\njobs = 2\n', env).preset == "snli"
    assert settings(tmp_path, 'preset = "snli"\njobs = 2\n', env).jobs == 2
    assert settings(tmp_path, 'preset = "snli"\njobs = 2\n', env, jobs=1).jobs == 1
    assert settings(tmp_path, "", env, preset="quick").preset == "quick"
    assert settings(tmp_path, "", {"VAE_PRESET": ""}).preset == "quick"


def test_data_is_that_of_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").mkdir()
    grid = settings(tmp_path, "", {"VAE_DATA": "text"})
    assert grid.config("vanilla", 0).corpus.data == str(tmp_path / "text")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("VAE_DEVICE", "tpu", "VAE_DEVICE: training.device: must be auto, cpu, cuda"),
        ("VAE_PRECISION", "fp16", "VAE_PRECISION: training.precision"),
        ("VAE_JOBS", "many", "VAE_JOBS: jobs must be an integer from 0 on, got 'many'"),
        ("VAE_PRESET", "ptbb", "did you mean 'ptb'"),
    ],
)
def test_a_wrong_value_names_the_variable(tmp_path, name, value, words):
    with pytest.raises(UsageError, match=words):
        settings(tmp_path, "", {name: value})


def test_python_reads_no_environment(monkeypatch):
    monkeypatch.setenv("VAE_PRESET", "ptb")
    assert load_settings().preset == "quick"
