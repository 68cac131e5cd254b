import torch
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.model.posterior import DiagonalGaussian, gaussian_kl
from vaecli.model.prior import StandardNormal
from vaecli.objective import raw_terms
from vaecli.remedies import make_method


def test_the_objective_is_the_terms_themselves():
    terms = make_terms()
    assert make_method("vanilla").objective(terms, clock()) is terms


def test_loss_by_hand():
    # kl of mean (1, 2), variance (1, e): (1 + 1 - 0 - 1) / 2 = 0.5 and (4 + e - 1 - 1) / 2 = 1 + e / 2 = 2.359141
    # kl of mean 0, variance 1 is 0 in both dimensions. loss = ((3 + 0.5 + 2.359141) + (5 + 0)) / 2 = 5.429570
    posterior = DiagonalGaussian(torch.tensor([[1.0, 2.0], [0, 0]]), torch.tensor([[0.0, 1.0], [0, 0]]))
    terms = make_method("vanilla").objective(make_terms(posterior=posterior, nll=[3.0, 5.0]), clock())
    assert torch.isclose(terms.loss, torch.tensor(5.4295705))


def test_kl_of_the_prior_is_exactly_zero():
    zeros = torch.zeros(3, 4)
    assert torch.equal(gaussian_kl(zeros, zeros), zeros)


def test_parts_are_those_of_the_plain_model():
    model = tiny_model("vanilla")
    assert isinstance(model.prior, StandardNormal)
    assert model.refine is None
    assert not model.aux
    terms = raw_terms(model, tiny_batch())
    assert terms.kl_weight == 1.0
    assert torch.equal(terms.extra, torch.zeros(4))
