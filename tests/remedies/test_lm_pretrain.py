"""Laws of language-model pretraining: its loss, an encoder that stays bit for bit, and a run that goes on frozen."""

import copy

import pytest
import torch
from remedies.staged import loop_of, train_in_stages
from support import clock, split_of, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.lm_pretrain import LMPretrain, language_model_nll
from vaecli.remedies.shared.pretraining import TaskHead, freeze_encoder, task_alone

ENCODER = "encoder.wrapped."


def moved(before, after, prefix):
    return {name for name in before if name.startswith(prefix) and not torch.equal(before[name], after[name])}


def test_a_uniform_language_model_by_hand():
    # 12 types: log 12 = 2.4849066 a token; sentences of 3 + 1 and 1 + 1 tokens, padding not counted
    head = TaskHead(6, 12)
    batch = collate(split_of([4, 5, 6], [7]), torch.arange(2))
    nll = language_model_nll(head, torch.zeros(2, 5, 6), batch)
    assert nll.tolist() == pytest.approx([4 * 2.4849066, 2 * 2.4849066], abs=1e-5)


def test_it_is_the_softmax_of_the_state_before_each_word():
    model, batch = tiny_model("lm_pretrain", init_range=1.0), tiny_batch(4)
    states, head = model.encode(batch).states, model.aux["lm_pretrain"]
    log_p = head.output.logits(states[:, :-1]).log_softmax(-1).gather(2, batch.targets.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(language_model_nll(head, states, batch), -(log_p * batch.mask).sum(1))


def test_no_state_sees_the_word_that_it_predicts():
    model = tiny_model("lm_pretrain", init_range=1.0)
    one, other = (collate(split_of([4, 5, last]), torch.arange(1)) for last in (6, 7))
    states = [model.encode(batch).states for batch in (one, other)]
    assert torch.equal(states[0][:, :3], states[1][:, :3])


def test_the_first_stage_trains_the_encoder_alone_and_the_second_all_but_the_encoder(tmp_path):
    _, (start, seam, end) = train_in_stages(tmp_path, "lm_pretrain")
    assert moved(start, seam, ENCODER) | moved(start, seam, "aux.") == moved(start, seam, "")
    assert len(moved(start, seam, ENCODER)) >= 4
    assert not moved(seam, end, ENCODER)
    assert {"head.mean.weight", "head.logvar.weight", "decoder.output.weight"} <= moved(seam, end, "")
    assert not moved(seam, end, "aux.")
    assert bool(end["encoder.frozen"])


def test_the_second_stage_goes_on_frozen_and_bit_for_bit(tmp_path):
    whole, (_, seam, end) = train_in_stages(tmp_path / "whole", "lm_pretrain")
    part = loop_of(tmp_path / "part", "lm_pretrain")
    run_phase = part._run_phase

    class Stop(Exception):
        """Where the process ends."""

    def stop_in_the_second():
        if part.progress.phase == 1:
            part.session.model.train()
            raise Stop
        run_phase()

    part._run_phase = stop_in_the_second
    with pytest.raises(Stop):
        part.run()
    again = loop_of(tmp_path / "part", "lm_pretrain")
    assert bool(again.session.model.encoder.frozen)
    again.run()
    assert all(torch.equal(value, end[name]) for name, value in again.session.model.state_dict().items())
    assert [row["phase"] for row in whole.observer.rows] == ["task", "task", "vae", "vae"]
    assert not moved(seam, end, ENCODER)


def test_a_frozen_encoder_has_no_task_and_no_gradient():
    model, batch = tiny_model("lm_pretrain"), tiny_batch(4)
    freeze_encoder(model, 0)
    terms = raw_terms(model, batch)
    assert LMPretrain().objective(terms, clock()) is terms
    terms.loss.backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert model.head.mean.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("method", ["lm_pretrain+vamp", "uni_pretrain+vamp"])
def test_pseudo_inputs_that_a_frozen_encoder_reads_go_on_learning(method):
    model = tiny_model(method, init_range=1.0)
    freeze_encoder(model, 0)
    copied = copy.deepcopy(model)
    for one in (model, copied):
        raw_terms(one, tiny_batch(4)).kl.sum().backward()
        assert one.prior.inputs.weight.grad.abs().sum() > 0
        assert all(p.grad is None and p.requires_grad for p in one.encoder.parameters())


def test_the_first_stage_is_the_task_alone():
    terms = LMPretrain().objective(raw_terms(tiny_model("lm_pretrain"), tiny_batch(4)), clock())
    torch.testing.assert_close(task_alone(keep_kl=False)(terms).loss, terms.extra.mean())
    torch.testing.assert_close(task_alone(keep_kl=True)(terms).loss, (terms.extra + terms.kl.sum(1)).mean())


def test_the_encoder_starts_as_in_vanilla():
    mine, vanilla = tiny_model("lm_pretrain", seed=3).encoder.wrapped, tiny_model(seed=3).encoder
    assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), vanilla.parameters(), strict=True))


@pytest.mark.parametrize("other", ["pooling", "hr", "ae_pretrain", "uni_pretrain"])
def test_other_encoders_and_other_stages_are_refused(other):
    with pytest.raises(UsageError, match="can't be composed"):
        make_method(f"lm_pretrain+{other}")
