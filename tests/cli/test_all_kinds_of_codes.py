"""Every command that reads a trained model, Python and the page, on codes that are no Gaussians."""

import csv
import io
import json
import warnings

import numpy as np
import pytest
import torch
from support import TINY, write_corpus
from typer.testing import CliRunner

import vaecli
from vaecli.cli.app import app
from vaecli.metrics.extras.text.reconstruction import code_of_means
from vaecli.reporting.page.model_looks import choose_sentences, model_look
from vaecli.reporting.page.page_trials import PageTrial
from vaecli.runs.loaded_run import load_run

KINDS = {
    "vq": {"vq.entries": 3, "vq.positions": 2},
    "di": {"di.variables": 3, "di.classes": 2},
    "vmf": {},
    "ivae": {},
}
"""By method, settings that make it small."""

SENTENCES = ["the cat sat", "a dog ran"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A trained run of each kind, by method."""
    base = tmp_path_factory.mktemp("kinds")
    data = write_corpus(base / "toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAE_CACHE", str(base / "cache"))
        settings = {**TINY, "training.epochs": 1, "training.threads": 1}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "settings.*latent_size.* changes nothing: the codes of 'di'")
            trained = {
                m: vaecli.train(m, str(data), settings={**settings, **own}, out=base) for m, own in KINDS.items()
            }
        yield trained


def call(*words):
    result = CliRunner().invoke(app, [*map(str, words)])
    if isinstance(result.exception, Exception):
        raise result.exception
    return result.stdout


@pytest.mark.parametrize("method", KINDS)
def test_every_door_opens(runs, method):
    path = runs[method].path
    assert len(call("generate", path, "-n", 3).splitlines()) == 3
    assert len(call("generate", path, "--from", "posterior", "-n", 2).splitlines()) == 2
    way = json.loads(call("generate", path, "--from", "interpolate", "-n", 5, "--json"))
    assert [item["weight"] for item in way] == [0.0, 0.25, 0.5, 0.75, 1.0]
    (path / "two.txt").write_text("\n".join(SENTENCES) + "\n")
    rows = list(csv.DictReader(io.StringIO(call("encode", path, path / "two.txt"))))
    assert [row["sentence"] for row in rows] == SENTENCES
    assert ("class_1" in rows[0]) == (method in ("vq", "di"))
    assert call("evaluate", path, "--dimensions", "--bleu", "-q").count("codes_used") == (method in ("vq", "di"))
    assert len(runs[method].interpolate(*SENTENCES, steps=3)) == len(runs[method].reconstruct(SENTENCES)) + 1 == 3


@pytest.mark.parametrize("method", KINDS)
def test_the_page_shows_it(runs, method):
    run = load_run(runs[method].path, "cpu")
    _, part = choose_sentences(run.corpus, "test")
    trial = PageTrial(method, method, 0, "done", runs[method].path)
    look = model_look(run, part, trial)
    assert len(look.interpolation) == 5
    assert len(look.codes) == len(part)


def test_a_sphere_is_decoded_from_the_sphere(runs):
    run = load_run(runs["vmf"].path, "cpu")
    means = torch.as_tensor(runs["vmf"].encode(SENTENCES))
    assert (means.norm(dim=1) < 1).all()
    assert code_of_means(run.model, means).norm(dim=1).tolist() == pytest.approx([1.0, 1.0])


def test_the_classes_that_are_written_make_the_code_that_is_decoded(runs):
    table = runs["di"].codes(SENTENCES)
    one_hot = np.eye(2)[table[["class_1", "class_2", "class_3"]].to_numpy()].reshape(2, -1)
    assert runs["di"].reconstruct(SENTENCES) == runs["di"].decode(one_hot)
    means = table[[f"mean_{n}" for n in range(1, 7)]].to_numpy()
    assert (means.reshape(2, 3, 2).argmax(-1) == table[["class_1", "class_2", "class_3"]]).to_numpy().all()
