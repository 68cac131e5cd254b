"""Laws of fraternal dropout: nothing without masks, differences only where words count, z that both passes share."""

import torch
from support import clock, split_of, tiny_batch, tiny_model

from vaecli.corpus.types import collate
from vaecli.objective import raw_terms
from vaecli.remedies import fraternal
from vaecli.remedies.fraternal import Fraternal, squared_difference


def terms_of(model, batch, **hyper):
    torch.manual_seed(0)
    raw = raw_terms(model, batch)
    return raw, Fraternal(**hyper).objective(raw, clock())


def test_a_difference_by_hand():
    # two units, three steps of which the sentence 4 5 </s> has all and 4 </s> two: (1 + 9) / 2 = 5 a step
    batch = collate(split_of([4, 5], [4]), torch.arange(2))
    one = torch.zeros(2, 3, 2)
    other = torch.tensor([1.0, 3.0]).expand(2, 3, 2)
    assert squared_difference(one, other, batch).tolist() == [15.0, 10.0]


def test_without_masks_and_dropout_it_is_0_and_with_either_it_is_not():
    batch = tiny_batch(6)
    assert not terms_of(tiny_model("fraternal", {"fraternal": {"rate": 0.0}}), batch)[1].extra.any()
    assert (terms_of(tiny_model("fraternal", {"fraternal": {"rate": 0.9}}), batch)[1].extra > 0).any()
    dropped = tiny_model("fraternal", {"fraternal": {"rate": 0.0}}, output_dropout=0.5)
    assert (terms_of(dropped, batch)[1].extra > 0).all()


def test_a_decoder_that_hears_no_words_has_no_difference():
    model = tiny_model("fraternal", {"fraternal": {"rate": 0.9}})
    with torch.no_grad():
        model.decoder.embedding.weight.zero_()
    assert not terms_of(model, tiny_batch(6))[1].extra.any()


def test_the_reconstruction_has_a_mask_too_and_evaluation_has_none():
    model, batch, z = tiny_model("fraternal", {"fraternal": {"rate": 0.9}}), tiny_batch(6), torch.randn(6, 4)
    assert not torch.equal(model.nll(z, batch), model.nll(z, batch))
    model.eval()
    torch.testing.assert_close(model.nll(z, batch), tiny_model().eval().nll(z, batch))


def test_the_weight_is_a_factor_and_the_gradient_leaves_the_output_layer_alone():
    model, batch = tiny_model("fraternal"), tiny_batch(6)
    one, three = (terms_of(model, batch, weight=w)[1].extra for w in (1.0, 3.0))
    torch.testing.assert_close(three, 3 * one)
    one.sum().backward()
    assert model.decoder.output.weight.grad is None
    assert model.decoder.lstm.weight_ih_l0.grad.abs().sum() > 0
    assert not terms_of(model, batch, weight=0.0)[1].extra.any()


def test_of_a_decoder_whose_output_layer_reads_z_the_mean_is_over_states_and_z(monkeypatch):
    seen, states_of = [], fraternal.decoder_states
    monkeypatch.setattr(fraternal, "decoder_states", lambda *arguments: seen.append(states_of(*arguments)) or seen[-1])
    model, batch = tiny_model("fraternal", decoder="lstm_output"), tiny_batch(6)
    extra, size = terms_of(model, batch)[1].extra, model.decoder.hidden_size
    one, other = seen
    assert one.shape[-1] == size + 4
    assert not (one - other)[..., size:].any()  # z is the same in both
    squares = (one - other)[..., :size].square().sum(-1) / (size + 4)
    torch.testing.assert_close(extra, (squares * batch.mask).sum(1))
    assert "makes H larger by Z" in " ".join(fraternal.__doc__.split())
