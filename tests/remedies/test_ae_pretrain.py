"""Laws of autoencoder pretraining: no KL in stage 1, an untouched encoder and a new decoder in stage 2."""

import math
from dataclasses import replace

import pytest
import torch
from remedies.staged import train_in_stages
from support import clock, make_terms, tiny_batch, tiny_model, tiny_split

from vaecli.config import build_config
from vaecli.corpus.types import PAD, Corpus
from vaecli.metrics.measure import evaluate
from vaecli.model.posterior import DiagonalGaussian
from vaecli.model.vae import Shape
from vaecli.objective import raw_terms
from vaecli.remedies import REMEDIES, make_method
from vaecli.remedies.ae_pretrain import AEPretrain, reset_decoder, without_kl
from vaecli.remedies.core.phase_epochs import phase_epochs
from vaecli.remedies.shared.feedback import RunningMean
from vaecli.training.loop import Loop
from vaecli.training.progress import selection
from vaecli.training.session import TrainingSession


def test_stage_1_by_hand():
    # nll 3 and 5, KL 2 + 2 each: (3 + 5) / 2 = 4 without the KL, 8 with it
    terms = make_terms(kl=[[2.0, 2.0], [2.0, 2.0]], nll=[3.0, 5.0])
    assert without_kl(terms).loss.item() == 4
    assert terms.loss.item() == 8


def test_stages_share_the_epochs():
    assert phase_epochs(AEPretrain().phases(), 40) == [20, 20]
    assert phase_epochs(AEPretrain(share=0.25).phases(), 8) == [2, 6]
    assert phase_epochs(AEPretrain().phases(), 1) == [1, 1]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_both_stages_have_a_share(share):
    with pytest.raises(ValueError, match="share"):
        AEPretrain(share=share)


@pytest.mark.parametrize("method", ["ae_pretrain", "ae_pretrain+bn+skip", "ae_pretrain+cyclical+historyless"])
def test_the_decoder_is_new_and_the_rest_stays_bit_for_bit(method):
    model = tiny_model(method)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    reset_decoder(model, 77)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) is not name.startswith("decoder."), name


def test_the_new_decoder_depends_on_the_seed_only():
    models = [tiny_model(seed=s) for s in (0, 1, 1)]
    for model, seed in zip(models, (7, 7, 8), strict=True):
        reset_decoder(model, seed)
    first, second, third = (model.decoder.state_dict() for model in models)
    assert all(torch.equal(first[n], second[n]) for n in first)
    assert not any(torch.equal(first[n], third[n]) for n in first)


def test_the_new_decoder_keeps_to_the_initialisation_that_was_asked_for():
    model = tiny_model(init_range=0.01, embedding_init_range=0.2)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.fill_(5)
    reset_decoder(model, 0)
    assert model.decoder.lstm.weight_hh_l0.abs().max() <= 0.01
    assert model.decoder.output.weight.abs().max() <= 0.01
    assert 0.1 < model.decoder.embedding.weight.abs().max() <= 0.2
    assert (model.decoder.embedding.weight[PAD] == 0).all()


def test_the_reset_takes_nothing_from_the_streams_of_training():
    model = tiny_model()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    reset_decoder(model, 0)
    assert torch.equal(torch.rand(3), expected)


def loss_of_stage_1(method, model, hyper=None):
    """The terms of an update of stage 1, as trained on."""
    composed = make_method(method, hyper)
    stage = composed.phases()[0]
    torch.manual_seed(0)
    terms = composed.objective(raw_terms(model, tiny_batch(4)), replace(clock(), without=stage.without))
    return stage.objective(terms)


STEERING = ("anticollapse", "control", "geco", "info_price", "mdr", "soft_free_bits")
"""Remedies whose state weighs the KL by what becomes of it, or of rec."""


@pytest.mark.parametrize("method", [f"ae_pretrain+{name}" for name in STEERING] + ["geco+lm_pretrain"])
def test_what_steers_by_the_kl_waits_in_stage_1(method):
    model, composed = tiny_model(method), make_method(method)
    first, second = composed.phases()
    before = {name: value.clone() for name, value in model.aux.state_dict().items()}
    terms = raw_terms(model, tiny_batch(4))
    composed.objective(terms, replace(clock(), without=first.without))
    assert all(torch.equal(value, before[name]) for name, value in model.aux.state_dict().items())
    composed.objective(terms, replace(clock(), without=second.without))
    moved = [name for name, value in model.aux.state_dict().items() if not torch.equal(value, before[name])]
    assert bool(moved) is ("mdr" not in method)  # whose multiplier moves in the step


def test_no_remedy_with_a_running_mean_is_left_out_of_these():
    kept = {name for name in REMEDIES if any(isinstance(m, RunningMean) for m in tiny_model(name).aux.modules())}
    assert kept == set(STEERING) - {"mdr"}


@pytest.mark.parametrize("other", ["control", "geco", "soft_free_bits"])
def test_a_controller_begins_stage_2_as_if_there_had_been_no_other(tmp_path, other):
    _, (start, seam, end) = train_in_stages(tmp_path, f"ae_pretrain+{other}")
    own = [name for name in start if name.startswith(f"aux.{other}.")]
    assert all(torch.equal(start[name], seam[name]) for name in own)
    assert not all(torch.equal(start[name], end[name]) for name in own)
    assert all(value.isfinite().all() for value in seam.values())  # a checkpoint that isn't can't be resumed from


@pytest.mark.parametrize(
    ("other", "hyper"),
    [
        ("consistency", {"consistency": {"weight": 0.0}}),
        ("flow_prior", {}),
        ("mdr", {}),
        ("mi_constraint", {}),
        ("iwae", {}),
        ("dual_path", {}),
        ("free_bits", {}),
    ],
)
def test_no_other_kl_is_in_stage_1(other, hyper):
    # the rate alone moves when a prior that the decoder doesn't know is pushed away
    method, kl, losses = f"ae_pretrain+{other}", DiagonalGaussian.kl, []
    for shift in (0.0, 1000.0):

        def further(posterior, prior, by=shift):
            exact = kl(posterior, prior)
            return None if exact is None else exact + by

        model = tiny_model(method, hyper, init_range=1.0)
        model.prior.log_prob = lambda z, by=shift, own=model.prior.log_prob: own(z) - by
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DiagonalGaussian, "kl", further)
            losses.append(loss_of_stage_1(method, model, hyper).loss.item())
    assert losses[0] == losses[1]


def test_the_constraint_of_mdr_waits_for_stage_2(tmp_path):
    loop, (_, seam, end) = train_in_stages(tmp_path, "ae_pretrain+mdr")
    assert seam["aux.mdr.value"].item() == pytest.approx(1.01)
    assert end["aux.mdr.value"].item() != seam["aux.mdr.value"].item()
    assert [row["train_extra"] == 0 for row in loop.observer.rows] == [True, True, False, False]


class Words:
    words = tuple(map(str, range(12)))

    def __len__(self):
        return 12


class Watcher:
    """Keeps the rows, and the KL weight of each update."""

    def __init__(self):
        self.rows, self.kl_weights = [], {}

    def step(self, progress, terms):
        self.kl_weights[progress.total_steps] = terms.kl_weight

    def evaluated(self, row):
        self.rows.append(row)


def trained(tmp_path, method="ae_pretrain", **training):
    training = {"epochs": 4, "batch_size": 5, "seed": 3, "patience": 1, "learning_rate": 0.02, **training}
    sizes = {"embedding_size": 4, "encoder_size": 5, "decoder_size": 5, "latent_size": 3}
    config = build_config({"method": method, "model": sizes, "training": training})
    corpus = Corpus("tiny", Words(), tiny_split(22, 0), tiny_split(9, 1), tiny_split(9, 2), "none")
    torch.manual_seed(3)
    composed = make_method(method)
    model = composed.build(Shape(12, 22, config.model), 3)
    session, watcher = TrainingSession(model, composed, corpus, config, torch.device("cpu")), Watcher()
    loop = Loop(session, tmp_path, watcher)
    begin, kept = loop._begin_phase, {}

    def begin_phase():
        kept["end of stage 1"] = {n: v.clone() for n, v in model.state_dict().items()}
        kept["optimizers"] = dict(session.optimizers)
        begin()
        kept["start of stage 2"] = {n: v.clone() for n, v in model.state_dict().items()}

    loop._begin_phase = begin_phase
    loop.run()
    return session, watcher, kept


def test_the_switch_of_a_training(tmp_path):
    session, watcher, kept = trained(tmp_path)
    assert [row["phase"] for row in watcher.rows] == ["autoencoder"] * 2 + ["vae"] * 2
    # 5 updates an epoch: 10 without KL, 10 with it
    assert watcher.kl_weights == {n: 0.0 if n <= 10 else 1.0 for n in range(1, 21)}
    for name, value in kept["end of stage 1"].items():
        assert torch.equal(kept["start of stage 2"][name], value) is not name.startswith("decoder."), name
    assert kept["optimizers"]["encoder"] is not session.optimizers["encoder"]
    steps = {int(state["step"]) for state in session.optimizers["encoder"].state.values()}
    assert steps == {10}


def test_the_warm_up_belongs_to_stage_2(tmp_path):
    _, watcher, _ = trained(tmp_path, "ae_pretrain+free_bits+linear_anneal")
    weights = [watcher.kl_weights[n] for n in range(1, 21)]
    # the clock restarts: 2 epochs of 5 updates, a quarter of them, 2.5, warm up: 0, 1 / 2.5, 2 / 2.5, 1, ...
    assert weights[:10] == [0.0] * 10
    assert weights[10:14] == pytest.approx([0, 0.4, 0.8, 1])


def test_stage_1_is_judged_by_its_reconstruction(tmp_path):
    row = {"rec": 3.0, "neg_elbo": 9.0}
    assert [selection(row), selection(row, "rec"), selection({"rec": 3.0, "neg_elbo": None})] == [9.0, 3.0, 3.0]
    assert [phase.figure for phase in AEPretrain().phases()] == ["rec", "neg_elbo"]
    _, watcher, _ = trained(tmp_path, epochs=8, patience=9)
    for phase, column in (("autoencoder", "rec"), ("vae", "neg_elbo")):
        best = math.inf
        for row in watcher.rows:
            if row["phase"] == phase:
                assert row["best"] == int(row[column] < best)
                best = min(best, row[column])


def test_it_is_evaluated_as_any_vae(tmp_path):
    session, _, _ = trained(tmp_path, "ae_pretrain+bn")
    metrics = evaluate(session.model, session.corpus.test, session.config.evaluation, seed=0, device=session.device)
    assert math.isfinite(metrics.values["iw_nll"])
