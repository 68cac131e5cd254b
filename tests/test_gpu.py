"""What holds on a CPU holds on a GPU; each test also runs on the CPU, so that it is known to be right where none is."""

import json
import math

import pytest
import torch
from support import TINY, tiny_model, tiny_split, write_corpus
from typer.testing import CliRunner

from experiments.benchmarks.reference import equal_length_batch, equal_length_groups
from experiments.benchmarks.shapes import Shapes, make_corpus
from experiments.benchmarks.subjects import Options, check_equal_work, make_reference, make_session, reference_trainer
from vaecli.cli.app import app
from vaecli.config import EvaluationConfig, ModelConfig
from vaecli.corpus.types import collate
from vaecli.metrics.measure import evaluate
from vaecli.remedies import method_names

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU here")
on_devices = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NO_GPU)])
SIZES = Shapes("tiny", 12, ModelConfig(embedding_size=5, encoder_size=6, decoder_size=7, latent_size=4), batch_size=3)


def session_on(device, method="vanilla"):
    split = tiny_split(12)
    return make_session(SIZES, make_corpus("tiny", split, split, split, 12), Options(device=device), method)


@on_devices
def test_reference_and_ours_agree_on_every_sentence(device):
    session = session_on(device)
    assert check_equal_work(session, make_reference(session), session.corpus.test, count=12) < 1e-4
    assert {p.device.type for p in session.model.parameters()} == {device}


@on_devices
def test_one_update_moves_every_weight_to_the_same_place_as_the_references(device):
    session = session_on(device)
    trainer = reference_trainer(session)
    group = max(equal_length_groups(session.corpus.train, 3), key=len)
    torch.manual_seed(1)
    loss = trainer.step(equal_length_batch(session.corpus.train, group).to(session.device))
    torch.manual_seed(1)
    terms = session.step(collate(session.corpus.train, torch.tensor(group)).to(session.device))
    assert float(terms.loss.detach()) == pytest.approx(float(loss), abs=1e-4)
    for ours, theirs in zip(make_reference(session).parameters(), trainer.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@on_devices
@pytest.mark.parametrize("method", method_names())
def test_an_update_of_every_method(device, method):
    session = session_on(device, method)
    before = [p.detach().clone() for p in session.model.parameters()]
    batch = collate(session.corpus.train, torch.arange(6)).to(session.device)
    assert math.isfinite(float(session.step(batch).loss.detach()))
    after = list(session.model.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(bool(p.isfinite().all()) for p in after)


@on_devices
def test_figures_are_those_of_the_cpu(device):
    # the noise is each sentence's own and drawn on the CPU, so that only float32's roundings differ
    split, config = tiny_split(20), EvaluationConfig(iw_samples=5)
    model = tiny_model("bn").eval()
    expected = evaluate(model, split, config, seed=0, device=torch.device("cpu"))
    made = evaluate(model.to(device), split, config, seed=0, device=torch.device(device))
    assert made.values.keys() == expected.values.keys()
    for name, value in expected.values.items():
        assert made.values[name] == pytest.approx(value, abs=1e-3), name


@on_devices
def test_a_trial_trains_measures_and_says_where(device, tmp_path):
    settings = [f"--set={key}={value}" for key, value in TINY.items() if key != "training.device"]
    words = ["--data", str(write_corpus(tmp_path / "text")), "--device", device, "--out", str(tmp_path), "--name", "e"]
    result = CliRunner().invoke(app, ["train", "--quiet", *words, *settings])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "e" / "vanilla" / "seed-0"
    values = json.loads((folder / "metrics.json").read_text())["values"]
    assert torch.device(json.loads((folder / "run.json").read_text())["device"]).type == device
    assert all(math.isfinite(values[name]) for name in ("neg_elbo", "iw_nll", "mi"))
    assert values["peak_memory_mb"] > 0
