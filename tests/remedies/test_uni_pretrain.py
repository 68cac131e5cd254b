"""Laws of unigram pretraining: a decoder without order, and an encoder that stays bit for bit."""

from dataclasses import replace

import pytest
import torch
from remedies.staged import train_in_stages
from support import clock, split_of, tiny_batch, tiny_model, tiny_shape

from vaecli.corpus.types import collate
from vaecli.objective import raw_terms
from vaecli.remedies import REMEDIES, make_method, remedy_class
from vaecli.remedies.core.parts import refusal
from vaecli.remedies.shared.pretraining import TaskHead, freeze_encoder
from vaecli.remedies.uni_pretrain import UniPretrain, unigram_nll


def batch_of(*sentences):
    return collate(split_of(*sentences), torch.arange(len(sentences)))


def test_uniform_words_by_hand():
    # 12 types: log 12 = 2.4849066 for each of three words and </s>, and for one word and </s>
    nll = unigram_nll(TaskHead(4, 12), torch.zeros(2, 4), batch_of([4, 5, 6], [7]))
    assert nll.tolist() == pytest.approx([4 * 2.4849066, 2 * 2.4849066], abs=1e-5)


def test_order_does_not_matter_and_padding_neither():
    head, z = TaskHead(4, 12), torch.randn(1, 4).expand(3, 4)
    nll = unigram_nll(head, z, batch_of([4, 5, 6], [6, 4, 5], [6, 6, 6, 6, 6]))
    assert nll[0].item() == pytest.approx(nll[1].item(), rel=1e-6)
    alone = unigram_nll(head, z[:1], batch_of([4, 5, 6]))
    assert alone.item() == pytest.approx(nll[0].item(), rel=1e-6)


def test_the_kl_is_in_both_stages_and_the_encoder_is_kept_in_the_second(tmp_path):
    loop, (start, seam, end) = train_in_stages(tmp_path, "uni_pretrain")
    changed = [{n for n in a if not torch.equal(a[n], b[n])} for a, b in ((start, seam), (seam, end))]
    assert {"head.mean.weight", "head.logvar.weight", "aux.uni_pretrain.output.weight"} <= changed[0]
    assert not any(name.startswith("decoder.") for name in changed[0])
    assert not any(name.startswith(("encoder.wrapped.", "aux.")) for name in changed[1])
    assert {"head.mean.weight", "decoder.output.weight"} <= changed[1]
    assert all(row["train_kl"] > 0 for row in loop.observer.rows)


def test_the_loss_of_the_first_stage_falls_and_decides_the_best(tmp_path):
    loop, _ = train_in_stages(tmp_path, "uni_pretrain", epochs=12)
    first = [row for row in loop.observer.rows if row["phase"] == "task"]
    assert first[-1]["train_loss"] < first[0]["train_loss"]
    best = [row["train_loss"] for row in first if row["best"]]
    assert best == sorted(best, reverse=True)
    assert min(row["train_loss"] for row in first) == best[-1]


@pytest.mark.parametrize("method", ["cyclical+uni_pretrain", "linear_anneal+uni_pretrain", "uni_pretrain"])
def test_epochs_of_the_first_stage_are_compared_at_kl_weight_1(tmp_path, method):
    # as trained on, the loss is lowest where the schedule has the weight lowest
    training = {"epochs": 32, "optimizer": "adam", "learning_rate": 0.05, "patience": 1}
    loop, _ = train_in_stages(tmp_path, method, **training)
    first = [row for row in loop.observer.rows if row["phase"] == "task"]
    losses = [row["train_nll"] + row["train_kl"] + row["train_extra"] for row in first]
    assert [row["best"] for row in first] == [int(loss == min(losses[: n + 1])) for n, loss in enumerate(losses)]


def test_a_frozen_encoder_has_no_task():
    model = tiny_model("uni_pretrain")
    freeze_encoder(model, 0)
    terms = raw_terms(model, tiny_batch(4))
    assert UniPretrain().objective(terms, clock()) is terms


def test_it_sees_z_and_nothing_else():
    model, batch = tiny_model("uni_pretrain"), tiny_batch(4)
    terms = UniPretrain().objective(raw_terms(model, batch), clock())
    torch.testing.assert_close(terms.extra, unigram_nll(model.aux["uni_pretrain"], terms.z, batch))
    terms.extra.mean().backward()
    assert model.decoder.output.weight.grad is None
    assert model.encoder.wrapped.lstm.weight_ih_l0.grad.abs().sum() > 0


@pytest.mark.parametrize("bound", ["iwae", "dreg", "ciwae"])
def test_the_first_stage_is_that_of_the_unigram_vae_beside_a_bound_of_several_samples(bound):
    # the bound less its nll, which is no KL, would be lowered by a decoder that is worse at the first sample
    losses = []
    for name in ("uni_pretrain", f"{bound}+uni_pretrain"):
        method, model = make_method(name), tiny_model("uni_pretrain", init_range=1.0)
        torch.manual_seed(0)
        terms = method.objective(raw_terms(model, tiny_batch(4)), clock())
        losses.append(method.phases()[0].objective(terms).loss)
    torch.testing.assert_close(*losses)
    losses[1].backward()
    assert all(p.grad is None for p in model.decoder.parameters())


@pytest.mark.parametrize("second", ["consistency", "dual_path", "flow_prior"])
def test_the_first_stage_has_no_second_bound_whose_kl_nothing_reconstructs(second):
    # beside a second KL, the unigram decoder alone would have to earn both
    weights = {"consistency": {"weight": 0.0}, "dual_path": {"kl_dropout": 0.0}, "flow_prior": {}}
    method = make_method(f"{second}+uni_pretrain", {second: weights[second]})
    model, stage = method.build(tiny_shape(init_range=1.0), 0), method.phases()[0]
    torch.manual_seed(0)
    raw = raw_terms(model, tiny_batch(4))
    terms = stage.objective(method.objective(raw, replace(clock(), without=stage.without)))
    unigram = unigram_nll(model.aux["uni_pretrain"], raw.z, tiny_batch(4))
    torch.testing.assert_close(terms.loss, (unigram + raw.kl.sum(-1)).mean())


@pytest.mark.parametrize("pretraining", ["uni_pretrain", "lm_pretrain"])
def test_no_other_remedy_trains_the_decoder_in_the_first_stage(pretraining):
    trained, tried = [], 0
    for name in REMEDIES:
        kind = remedy_class(name)
        # the descent of `semi_amortized` is one on the whole bound in every stage
        if not kind.owns or refusal(kind, remedy_class(pretraining)) or name in (pretraining, "semi_amortized"):
            continue
        method = make_method(f"{name}+{pretraining}")
        model, stage = method.build(tiny_shape(), 0), method.phases()[0]
        terms = method.objective(raw_terms(model, tiny_batch(4)), replace(clock(), without=stage.without))
        stage.objective(terms).loss.backward()
        trained += [name] if any(p.grad is not None and p.grad.any() for p in model.decoder.parameters()) else []
        tried += 1
    assert not trained
    assert tried > 20
