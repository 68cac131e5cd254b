import signal
from types import SimpleNamespace

import pytest
import torch
from metrics.blocks import block_input
from support import scoring, tiny_model, tiny_split

from vaecli.config import build_config
from vaecli.core.errors import InterruptedRunError, UsageError
from vaecli.corpus.types import Corpus
from vaecli.corpus.vocabulary import WordVocabulary
from vaecli.metrics.extras.text.blocks import reverse_block
from vaecli.metrics.extras.text.samples import as_split, split_perplexity
from vaecli.runs import reference_lm
from vaecli.runs.reference_lm import lm_trainer, load_reference, train_reference_lm
from vaecli.training.checkpoint import load_latest
from vaecli.training.session import TrainingSession

CPU = torch.device("cpu")
WORDS = [chr(ord("a") + n) for n in range(8)]
"""Ids 4 to 11, the words of `tiny_split`."""


def corpus(fingerprint="one"):
    split = tiny_split(30)
    return Corpus("toy", WordVocabulary(WORDS), split, split, split, fingerprint)


def recipe(epochs=6, **training):
    sizes = {"embedding_size": 8, "encoder_size": 8, "decoder_size": 16, "latent_size": 2}
    settings = {"epochs": epochs, "batch_size": 8, "learning_rate": 0.03, "device": "cpu", "patience": 9, **training}
    return build_config({"method": "bn", "model": sizes, "training": settings})


def run_of(model, fingerprint="one"):
    return SimpleNamespace(
        model=model.eval(),
        corpus=corpus(fingerprint),
        config=recipe(),
        device=CPU,
        method=SimpleNamespace(name="theirs"),
        folder=SimpleNamespace(path="here"),
    )


def test_the_reference_learns_the_sentences_it_is_given_and_no_others():
    # one sentence over and over: nothing is left to guess, a perplexity of 1; another one surprises
    reference = train_reference_lm([[4, 5, 6, 7]] * 200, corpus(), recipe(), seed=0)
    assert not reference.has_latent
    assert not reference.training
    known = split_perplexity(reference, scoring(as_split([[4, 5, 6, 7]])))
    other = split_perplexity(reference, scoring(as_split([[7, 6, 5, 4]])))
    assert known < 1.3
    assert other > 12  # worse than knowing nothing at all


def test_the_same_seed_gives_the_same_reference_and_leaves_the_generators_alone():
    sentences = [[4, 5], [6], [7, 8, 9], [10, 11]] * 6
    before = torch.get_rng_state()
    one, same, other = (train_reference_lm(sentences, corpus(), recipe(1), seed=s) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.decoder.output.weight, same.decoder.output.weight)
    assert not torch.equal(one.decoder.output.weight, other.decoder.output.weight)


def test_reverse_perplexity_is_high_for_a_model_that_says_one_thing_only():
    # a model with even words, of which real text is made too, against one that always says the same
    even, stuck = tiny_model("lm"), tiny_model("lm")
    with torch.no_grad():
        even.decoder.output.weight.zero_()
        stuck.decoder.embedding.weight.zero_()
        for parameter in stuck.decoder.lstm.parameters():
            parameter.zero_()
        stuck.decoder.lstm.bias_ih_l0.fill_(9)  # states of about tanh(1) at first
        stuck.decoder.output.weight.fill_(-5)
        stuck.decoder.output.weight[4] = 5
    split = tiny_split(60, seed=5)
    trainer = lm_trainer(corpus(), recipe(), CPU)
    inputs = [block_input(model.eval(), split, sentences=300, train_lm=trainer) for model in (even, stuck)]
    figures = [reverse_block(asked).values["reverse_ppl"] for asked in inputs]
    assert figures[0] < 14  # about the 12 types of a guess that knows nothing
    assert figures[1] > 3 * figures[0]


def test_too_few_samples_are_refused():
    with pytest.raises(UsageError, match="3 samples can't be trained; draw 4 or more"):
        train_reference_lm([[4]] * 3, corpus(), recipe(), seed=0)


def test_a_model_with_a_folder_goes_on_from_its_checkpoints(tmp_path, monkeypatch):
    text = [[4, 5, 6], [7, 8]] * 20
    whole = train_reference_lm(text, corpus(), recipe(), seed=0)
    update, updates = TrainingSession.update, []

    def counted(self, *arguments, **more):
        update(self, *arguments, **more)
        updates.append(1)
        if len(updates) == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(TrainingSession, "update", counted)
    with pytest.raises(InterruptedRunError, match=r"after 3 updates .* the checkpoint is saved"):
        train_reference_lm(text, corpus(), recipe(), seed=0, folder=tmp_path)
    resumed = train_reference_lm(text, corpus(), recipe(), seed=0, folder=tmp_path)
    assert len(updates) == load_latest(tmp_path)[1]["progress"]["total_steps"]
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("method", "fingerprint", "said"),
    [("vanilla", "one", "has to be a run of method lm"), ("lm", "two", "train lm on the same")],
)
def test_a_reference_that_does_not_fit(monkeypatch, tmp_path, method, fingerprint, said):
    monkeypatch.setattr(reference_lm, "load_run", lambda path, device: run_of(tiny_model(method), fingerprint))
    with pytest.raises(UsageError, match=said):
        load_reference(tmp_path, corpus(), CPU, "here")


def test_a_reference_that_fits(monkeypatch, tmp_path):
    theirs = run_of(tiny_model("lm"))
    monkeypatch.setattr(reference_lm, "load_run", lambda path, device: theirs)
    assert load_reference(tmp_path, corpus(), CPU, "here") is theirs.model
