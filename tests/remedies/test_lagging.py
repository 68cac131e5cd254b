"""Laws of aggressive encoder training: who is updated when, when it stops, and that it never comes back."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support import tiny_split

from vaecli.config import build_config
from vaecli.corpus.types import Corpus
from vaecli.metrics.measure import evaluate
from vaecli.model.vae import Shape
from vaecli.remedies import make_method
from vaecli.remedies.lagging import Lag, Lagging, at_epoch_end
from vaecli.training.loop import Loop
from vaecli.training.session import TrainingSession
from vaecli.training.state import load_model, model_tensors


class Words:
    words = tuple(map(str, range(12)))

    def __len__(self):
        return 12


def tiny_corpus():
    return Corpus("tiny", Words(), tiny_split(22, 0), tiny_split(9, 1), tiny_split(9, 2), "none")


def session_of(method="lagging", hyper=None, **training):
    sizes = {"embedding_size": 4, "encoder_size": 5, "decoder_size": 5, "latent_size": 3}
    training = {"epochs": 3, "batch_size": 5, "seed": 3, "optimizer": "sgd", "learning_rate": 0.5, **training}
    config = build_config({"method": method, "hyper": hyper or {}, "model": sizes, "training": training})
    composed, corpus = make_method(method, hyper), tiny_corpus()
    model = composed.build(Shape(12, 22, config.model), 0).train()
    torch.manual_seed(0)
    return TrainingSession(model, composed, corpus, config, torch.device("cpu"))


def batch_of(session):
    from vaecli.corpus.types import collate

    return collate(session.corpus.train, session.batches.epoch(0)[0])


def snapshot(*modules):
    return [p.detach().clone() for module in modules for p in module.parameters()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


class Scripted:
    """A session whose batches have given losses per word, one sentence of two words each."""

    def __init__(self, losses):
        real = session_of()
        self.model, self.clock, self.losses = real.model, real.clock, list(losses)
        self.seen, self.updates, self.draws = [], [], 0
        self.batch = batch_of(real)

    def loss(self, batch):
        self.seen.append(batch)
        per_word = self.losses.pop(0)

        class Terms:
            loss = torch.tensor(per_word * batch.predicted / batch.size)

        return Terms

    def update(self, loss, groups):
        self.updates.append(tuple(groups))

    def random_batch(self):
        self.draws += 1
        return replace(self.batch)

    def pause(self):
        """Nobody wants to stop here."""


def test_the_inner_loop_by_hand():
    # means per word of three at a time: (9 + 8 + 7) / 3 = 8, then (7 + 6 + 5) / 3 = 6, then (6 + 7 + 8) / 3 = 7 > 6
    session = Scripted([9.0, 8, 7, 7, 6, 5, 6, 7, 8, 1, 1, 1])
    assert Lagging(check_every=3).update_encoder(session.batch, session) == 9
    assert session.updates == [("encoder",)] * 9
    assert session.seen[0] is session.batch
    assert session.draws == 8
    assert all(batch is not session.batch for batch in session.seen[1:])


def test_a_mean_that_stands_still_goes_on_up_to_the_limit():
    session = Scripted([4.0] * 7)
    assert Lagging(inner_updates=7, check_every=2).update_encoder(session.batch, session) == 7
    assert session.draws == 6


def test_published_constants():
    assert Lagging().hyper() == {"inner_updates": 99, "check_every": 15, "joint_clip": True}
    # a first mean of 10,001 nats a word is above the 10,000 that the first check compares with
    session = Scripted([10_001.0] * 99)
    assert Lagging().update_encoder(session.batch, session) == 15


@pytest.mark.parametrize("joint", [False, True])
def test_encoder_updates_leave_the_decoder_and_the_decoder_update_leaves_the_encoder(joint):
    hyper = {"lagging": {"inner_updates": 4, "check_every": 2, "joint_clip": joint}}
    session = session_of(hyper=hyper)
    model, remedy = session.model, session.method.remedies[0]
    encoder, decoder = snapshot(model.encoder, model.head), snapshot(model.decoder)
    remedy.update_encoder(batch_of(session), session)
    assert same(snapshot(model.decoder), decoder)
    assert not any(torch.equal(a, b) for a, b in zip(snapshot(model.encoder), encoder, strict=False))

    remedy = remedy.model_copy(update={"inner_updates": 1})
    step = remedy.wrap_step(session.step, session)
    moved = []
    inner = session.update

    def update(loss, groups):
        before = snapshot(model.encoder, model.head), snapshot(model.decoder)
        inner(loss, groups)
        after = snapshot(model.encoder, model.head), snapshot(model.decoder)
        moved.append((tuple(groups), *(same(a, b) for a, b in zip(before, after, strict=True))))

    session.update = update
    step(batch_of(session))
    assert moved == [(("encoder",), False, True), (("decoder",), True, False)]
    assert all(p.requires_grad for p in model.parameters())


def test_encoder_updates_form_no_decoder_gradients_unless_both_are_clipped():
    grads = {}
    for joint in (False, True):
        session = session_of(hyper={"lagging": {"inner_updates": 1, "joint_clip": joint}})
        session.method.remedies[0].update_encoder(batch_of(session), session)
        grads[joint] = session.model.decoder.output.weight.grad
        assert session.model.encoder.lstm.weight_hh_l0.grad is not None
    assert grads[False] is None
    assert grads[True] is not None


@pytest.mark.parametrize("joint", [True, False])
def test_an_encoder_update_is_clipped_by_the_norm_over_both_as_published(joint):
    # SGD at rate 1: the encoder moves by |g_enc| clip / |(g_enc, g_dec)|, or by the clip where only its own norm counts
    session = session_of(clip=1e-3, learning_rate=1.0)
    model, batch = session.model, batch_of(session)
    encoder = [*model.encoder.parameters(), *model.head.parameters()]
    state = torch.get_rng_state()
    session.loss(batch).loss.backward()
    own, all_ = (torch.stack([p.grad.norm() for p in ps]).norm() for ps in (encoder, [*model.parameters()]))
    torch.set_rng_state(state)
    before = snapshot(model.encoder, model.head)
    remedy = Lagging(inner_updates=1) if joint else Lagging(inner_updates=1, joint_clip=False)
    remedy.update_encoder(batch, session)
    after = snapshot(model.encoder, model.head)
    moved = torch.stack([(a - b).norm() for a, b in zip(after, before, strict=True)]).norm()
    assert moved.item() == pytest.approx((1e-3 * own / (all_ if joint else own)).item(), rel=1e-2)


def test_where_nothing_is_clipped_the_two_ways_are_one():
    weights = []
    for joint in (False, True):
        session = session_of(hyper={"lagging": {"inner_updates": 3, "joint_clip": joint}}, clip=1e9)
        session.step(batch_of(session))
        weights.append(snapshot(session.model))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*weights, strict=True))


def test_the_switch_by_hand():
    # initially 0: 0.5 >= 0 and 0.7 >= 0.5 go on, 0.6 < 0.7 ends it, and 2.0 doesn't bring it back
    lag, states = Lag(), []
    for value in (0.5, 0.7, 0.6, 2.0):
        lag.observe(value)
        states.append(bool(lag.lagging))
    assert states == [True, True, False, False]
    assert float(lag.mutual_information) == 2.0


def test_a_negative_first_estimate_ends_it():
    lag = Lag()
    lag.observe(-1e-9)
    assert not lag.lagging


def test_older_weights_do_not_bring_it_back():
    old, new = Lag(), Lag()
    old.observe(0.5)
    new.observe(0.5)
    new.observe(0.4)
    new.load_state_dict(old.state_dict())
    assert not new.lagging
    assert float(new.mutual_information) == 0.4
    resumed = Lag()
    resumed.load_state_dict(new.state_dict())
    assert not resumed.lagging
    assert int(resumed.epochs) == 2


def test_epoch_ends():
    session = session_of()
    assert session.clock.steps_per_epoch == 5
    ends = [at_epoch_end(replace(session.clock, step=s)) for s in range(11)]
    assert [s for s, end in enumerate(ends) if end] == [5, 10]


def test_it_is_measured_once_an_epoch_and_plain_from_then_on():
    session = session_of(hyper={"lagging": {"inner_updates": 2}})
    values, calls, plain = [0.3, 0.2], [], []
    session.validation_mutual_information = lambda: calls.append(session.clock.step) or values[len(calls) - 1]
    step = session.method.remedies[0].wrap_step(lambda b: plain.append(session.clock.step) or session.loss(b), session)
    for n in range(17):
        session.clock = replace(session.clock, step=n)
        step(batch_of(session))
    assert calls == [5, 10]
    assert plain == list(range(10, 17))


def test_once_cleared_it_is_vanilla_bit_for_bit():
    weights = []
    for method in ("vanilla", "lagging"):
        session = session_of(method, clip=0.1)
        if method == "lagging":
            session.model.aux["lagging"].observe(-1.0)
        for n in range(6):
            session.clock = replace(session.clock, step=n)
            session.step(batch_of(session))
        weights.append((snapshot(session.model), session.random_draws))
    assert same(weights[0][0], weights[1][0])
    assert weights[0][1] == weights[1][1] == 0


def test_the_warm_up_stands_still_within_an_update():
    session = session_of("lagging+linear_anneal", {"lagging": {"inner_updates": 5, "check_every": 2}})
    session.clock = replace(session.clock, step=3)
    seen = []
    loss = session.loss
    session.loss = lambda batch: seen.append(loss(batch)) or seen[-1]
    session.step(batch_of(session))
    # 3 epochs of 5 updates, a quarter of them, 3.75, warms up: 3 / 3.75
    assert [terms.kl_weight for terms in seen] == pytest.approx([0.8] * 6)


class Quiet:
    def step(self, progress, terms):
        pass

    def evaluated(self, row):
        self.row = row


@pytest.mark.parametrize("method", ["lagging", "bn+free_bits+lagging", "lagging+skip", "ae+lagging"])
def test_it_trains_and_evaluates_with_others_and_with_old_weights_reloaded(tmp_path, method):
    hyper = {"lagging": {"inner_updates": 3, "check_every": 2}}
    session = session_of(method, hyper, epochs=4, patience=1, reload_best=True)
    watcher = Quiet()
    Loop(session, tmp_path, watcher).run()
    assert math.isfinite(watcher.row["rec"])
    assert 1 <= int(session.model.aux["lagging"].epochs) <= 3
    metrics = evaluate(session.model, session.corpus.test, session.config.evaluation, seed=0, device=session.device)
    assert math.isfinite(metrics.values["rec"])


def test_a_checkpoint_carries_the_switch():
    session, other = session_of(), session_of()
    session.model.aux["lagging"].observe(-1.0)
    load_model(other.model, model_tensors(session.model), Path("last.safetensors"))
    assert not other.model.aux["lagging"].lagging


@pytest.mark.parametrize("first_stage", ["ae_pretrain", "lm_pretrain", "uni_pretrain"])
def test_a_first_stage_that_does_not_train_the_bound_is_plain_and_decides_nothing(tmp_path, first_stage):
    method = f"{first_stage}+lagging"
    session = session_of(method, {"lagging": {"inner_updates": 3, "check_every": 5}}, epochs=4)
    lag, update, groups = session.model.aux["lagging"], session.update, []
    session.update = lambda loss, *which, **more: (
        groups.append((loop.progress.phase, more)) or update(loss, *which, **more)
    )
    session.validation_mutual_information = lambda: -1.0  # catches up wherever it is looked at
    loop = Loop(session, tmp_path, Quiet())
    begin = loop._begin_phase
    loop._begin_phase = lambda: at_seam.append(bool(lag.lagging)) or begin()
    at_seam = []
    loop.run()
    assert at_seam == [True]
    # 5 updates an epoch: 10 plain ones; then three of the encoder and one of the decoder, until the first look
    assert groups[:10] == [(0, {})] * 10
    assert groups[10:14] == [(1, {"groups": ("encoder",)})] * 3 + [(1, {"groups": ("decoder",)})]
    assert groups[-5:] == [(1, {})] * 5
    assert int(lag.epochs) == 1
