"""posteriors.csv: what a run writes, what a resumed one keeps, and what a reader leaves out."""

import signal
from types import SimpleNamespace

import pytest
import torch
from support import SENTENCES, TINY, write_corpus
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.config import build_config
from vaecli.core.errors import DataError, InterruptedRunError
from vaecli.runs import trial
from vaecli.runs.folder import RunFolder
from vaecli.runs.posterior_file import POSTERIORS, PosteriorFile, read_posteriors
from vaecli.training.posterior_watch import PosteriorLook
from vaecli.training.progress import Progress


def look(updates, encoder=(0.25, -1e-9), exact=(1.23456789, -0.5)):
    means = torch.tensor(encoder), torch.tensor(exact)
    return PosteriorLook(updates, torch.tensor([3, 8]), ("up, left", "down"), *means)


def test_looks_are_rows_with_four_digits(tmp_path):
    file = PosteriorFile(tmp_path)
    file.append(look(0))
    file.append(look(200, encoder=(-12.34567, 0.00004)))
    assert file.path.read_text() == (
        "updates,sentence,class,encoder_mean,exact_mean\n"
        '0,3,"up, left",0.25,1.2346\n0,8,down,0,-0.5\n'
        '200,3,"up, left",-12.3457,1.2346\n200,8,down,0,-0.5\n'
    )
    frame = read_posteriors(tmp_path)
    assert frame["updates"].tolist() == [0, 0, 200, 200]
    assert frame["class"].tolist() == ["up, left", "down"] * 2
    assert frame["encoder_mean"].tolist() == [0.25, 0.0, -12.3457, 0.0]


def test_no_file_is_no_look(tmp_path):
    assert read_posteriors(tmp_path) is None
    PosteriorFile(tmp_path).forget_after(0)
    assert not (tmp_path / POSTERIORS).exists()


def test_a_torn_look_is_left_out_and_looks_after_a_checkpoint_are_forgotten(tmp_path):
    file = PosteriorFile(tmp_path)
    for updates in (0, 200, 400):
        file.append(look(updates))
    with open(file.path, "a") as torn:
        torn.write('600,3,"up, left",0.1,0.2\n600,8,do')
    assert read_posteriors(tmp_path)["updates"].tolist() == [0, 0, 200, 200, 400, 400]
    file.forget_after(200)
    assert read_posteriors(tmp_path)["updates"].tolist() == [0, 0, 200, 200]
    file.append(look(400))
    assert read_posteriors(tmp_path)["updates"].tolist() == [0, 0, 200, 200, 400, 400]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / POSTERIORS).write_text("updates,sentence\n1,x\n")
    with pytest.raises(DataError, match=r"posteriors\.csv: can't be read"):
        read_posteriors(tmp_path)


def test_a_run_that_begins_anew_has_its_first_look_once(tmp_path, monkeypatch):
    """It was killed before its first save; two looks at one moment would hide all the others."""

    class Looking:
        def __init__(self, session, tell):
            self.tell = tell

        def begin(self, progress):
            self.tell(look(0))

    monkeypatch.setattr(trial, "PosteriorWatch", Looking)
    for updates in (0, 200):
        PosteriorFile(tmp_path).append(look(updates))
    recorder = trial.Recorder(RunFolder(tmp_path), None, None, None, None)
    session = SimpleNamespace(config=build_config({"evaluation": {"posteriors_every": 200}}))
    recorder.watch_posteriors(session, Progress())
    PosteriorFile(tmp_path).append(look(200))
    assert read_posteriors(tmp_path)["updates"].tolist() == [0, 0, 200, 200]


def test_a_line_that_is_none_is_named_when_a_run_goes_on(tmp_path):
    file = PosteriorFile(tmp_path)
    file.append(look(0))
    with open(file.path, "a") as damaged:
        damaged.write("x,3,up,0.1,0.2\n")
    with pytest.raises(DataError, match=r"posteriors\.csv:4: 'x' is no number of updates; remove the file"):
        file.forget_after(200)


def train(folder, *more):
    data = write_corpus(folder / "data", [f"{n % 2}\t{sentence}" for n, sentence in enumerate(SENTENCES)])
    values = {**TINY, "model.latent_size": 1, "evaluation.posteriors_every": 2}
    settings = [f"--set={key}={value}" for key, value in values.items()]
    arguments = ["train", "--method", "bn", "--data", str(data), "--out", str(folder / "runs"), "--quiet"]
    return CliRunner().invoke(app, [*arguments, *settings, *more]), folder / "runs" / "data" / "bn" / "seed-0"


def test_a_run_that_was_stopped_has_the_looks_of_one_that_was_not(tmp_path, monkeypatch):
    result, whole = train(tmp_path / "whole")
    assert result.exit_code == 0, result.output
    frame = read_posteriors(whole)
    assert frame["updates"].unique().tolist() == [0, 2, 4, 6, 8, 10]
    assert set(frame["class"]) == {"0", "1"}
    assert len(frame) == 6 * 18

    class Stopping(trial.PosteriorWatch):
        def step(self, progress):
            super().step(progress)
            if progress.total_steps == 5:
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(trial, "PosteriorWatch", Stopping)
    result, broken = train(tmp_path / "broken")
    assert isinstance(result.exception, InterruptedRunError)
    assert read_posteriors(broken)["updates"].max() == 4
    with open(broken / POSTERIORS, "a") as file:
        file.write("6,0,0,9.0,9.0\n")  # of a look after the checkpoint
    monkeypatch.undo()
    result, broken = train(tmp_path / "broken", "--resume")
    assert result.exit_code == 0, result.output
    assert (broken / POSTERIORS).read_text() == (whole / POSTERIORS).read_text()
