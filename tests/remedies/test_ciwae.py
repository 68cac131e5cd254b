"""Laws of the combination IWAE: both ends, and what lies between."""

import pytest
import torch
from remedies.multisample import NLL, toy_terms
from support import clock, tiny_batch, tiny_model

from vaecli.objective import raw_terms
from vaecli.remedies.ciwae import CIWAE
from vaecli.remedies.iwae import IWAE


def loss_of(remedy, terms):
    torch.manual_seed(1)
    return remedy.objective(terms, clock()).loss


def test_half_and_half_by_hand():
    # with the true posterior L_K is log p(x) and the -ELBO is that too in the mean: z = 1 gives nll 0, KL = 0.3465736
    terms = toy_terms(50)
    neg_elbo = (terms.nll + terms.kl.sum(-1)).mean()
    loss = loss_of(CIWAE(samples=3), terms)
    assert loss.item() == pytest.approx((neg_elbo.item() + NLL) / 2, abs=1e-9)


def test_the_ends_are_vanilla_and_iwae():
    terms = raw_terms(tiny_model("ciwae", init_range=1.0), tiny_batch(4))
    torch.testing.assert_close(loss_of(CIWAE(beta=1.0), terms), terms.loss)
    torch.testing.assert_close(loss_of(CIWAE(beta=0.0), terms), loss_of(IWAE(), terms))


def test_it_is_linear_in_beta():
    terms = raw_terms(tiny_model("ciwae", init_range=1.0), tiny_batch(4))
    low, half, high = (loss_of(CIWAE(beta=beta), terms) for beta in (0.0, 0.5, 1.0))
    torch.testing.assert_close(half, (low + high) / 2)
