from dataclasses import replace

import pytest
import torch
from support import clock, make_terms, tiny_batch, tiny_model, tiny_split

from vaecli.corpus.types import collate
from vaecli.model.posterior import PointMass
from vaecli.objective import Clock, raw_terms


def test_loss_by_hand():
    # sentence 1: 2 + 0.5 * (1 + 3) + 10 = 14; sentence 2: 4 + 0.5 * (0 + 2) + 0 = 5; mean 9.5
    terms = make_terms(kl=[[1.0, 3.0], [0.0, 2.0]], nll=[2.0, 4.0], kl_weight=0.5).add(torch.tensor([10.0, 0.0]))
    assert terms.loss.item() == 9.5


def test_loss_is_a_mean_over_sentences_of_sums():
    # twice the same sentences: the same loss; twice the dimensions: twice the KL
    kl, nll = torch.rand(3, 4), torch.rand(3)
    once = make_terms(kl=kl, nll=nll)
    twice = make_terms(kl=kl.repeat(2, 1), nll=nll.repeat(2))
    wide = make_terms(kl=torch.cat([kl, kl], 1), nll=nll)
    assert torch.isclose(once.loss, twice.loss)
    assert torch.isclose(wide.loss - nll.mean(), 2 * (once.loss - nll.mean()))


def test_weight_may_be_a_tensor_that_learns():
    weight = torch.tensor(0.25, requires_grad=True)
    terms = replace(make_terms(kl=[[1.0, 2.0], [3.0, 6.0]]), kl_weight=weight)
    terms.loss.backward()
    # d loss / d weight = mean KL = (3 + 9) / 2
    assert weight.grad.item() == 6


def test_add_takes_one_value_or_one_a_sentence():
    terms = make_terms(kl=torch.zeros(2, 3))
    assert terms.add(torch.tensor(2.0)).add(torch.tensor([1.0, 3.0])).extra.tolist() == [3.0, 5.0]
    assert terms.extra.tolist() == [0.0, 0.0]


def test_clock():
    now = Clock(step=0, steps_per_epoch=4, epochs=3)
    assert (now.epoch, now.total_steps) == (0.0, 12)
    for _ in range(6):
        now = now.advance()
    assert (now.step, now.epoch) == (6, 1.5)
    assert clock(5).step == 5


def test_raw_terms_of_a_vae():
    model, batch = tiny_model(), tiny_batch(5)
    torch.manual_seed(0)
    terms = raw_terms(model, batch)
    assert (terms.nll.shape, terms.kl.shape, terms.z.shape, terms.extra.shape) == ((5,), (5, 4), (5, 4), (5,))
    assert terms.kl_weight == 1.0
    posterior = terms.context.posterior
    # the sample is mean + sigma * the noise of this seed, and both terms are those of that sample
    torch.manual_seed(0)
    noise = torch.randn(1, 5, 4)[0]
    torch.testing.assert_close(terms.z, posterior.mean + (posterior.logvar / 2).exp() * noise)
    torch.testing.assert_close(terms.nll, model.nll(terms.z, batch))
    torch.testing.assert_close(terms.kl, posterior.kl(model.prior))


def test_raw_terms_are_per_sentence():
    # the terms of a sentence don't depend on the sentences beside it
    split, model = tiny_split(6, 1), tiny_model().eval()
    z = torch.randn(6, 4)
    together = model.nll(z, collate(split, torch.arange(6)))
    alone = torch.cat([model.nll(z[n : n + 1], collate(split, torch.tensor([n]))) for n in range(6)])
    torch.testing.assert_close(together, alone)


def test_raw_terms_of_a_point_mass_have_no_kl():
    terms = raw_terms(tiny_model("ae"), tiny_batch(3))
    assert isinstance(terms.context.posterior, PointMass)
    assert torch.equal(terms.kl, torch.zeros(3, 4))


@pytest.mark.parametrize("training", [True, False])
def test_context_says_where_the_terms_come_from(training):
    model, batch = tiny_model().train(training), tiny_batch(3)
    context = raw_terms(model, batch).context
    assert context.batch is batch
    assert context.prior is model.prior
    assert (context.training, context.train_sentences) == (training, 100)
    assert context.encoding.features.shape == (3, 6)


def test_every_parameter_gets_a_gradient():
    model = tiny_model()
    raw_terms(model, tiny_batch(4)).loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
