"""Laws of VQ-VAE: a constant rate of M ln K, nearest entries, running means, and a gradient past the quantisation."""

import math

import pytest
import torch
from remedies.figures import check_figures
from support import clock, tiny_batch, tiny_model, tiny_split

from vaecli.core.errors import UsageError
from vaecli.metrics.columns.mi import mutual_information
from vaecli.model.codebook import Codebook, QuantisedCode
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.vq import VQ, commitment

SMALL = {"vq": {"positions": 2, "entries": 5}}


def codebook_of(*entries, decay=0.5, positions=1):
    book = Codebook(len(entries[0]) * positions, positions, len(entries), decay)
    book.codebook.copy_(torch.tensor(entries))
    book.sums.copy_(book.codebook)
    return book


def test_one_update_by_hand():
    # entries 0 and 10; vectors 1, 3 go to 0, whose count is (1 + 2) / 2 and sum (0 + 4) / 2: 2 / 1.5 = 4/3; the other
    # halves both, so it stays at 10
    book = codebook_of([0.0], [10.0])
    h = torch.tensor([[1.0], [3.0]])
    index = book.nearest(h)
    assert index.tolist() == [[0], [0]]
    book.learn(h, index)
    assert book.codebook.flatten().tolist() == pytest.approx([4 / 3, 10.0], abs=1e-3)


def test_an_entry_without_vectors_stays_until_its_count_is_down_to_the_smoothing_and_then_shrinks():
    # its count is 2^-n after n updates, and it is 10 count / (count + 1e-5), but for the other's share of the smoothing
    book = codebook_of([0.0], [10.0])
    h = torch.tensor([[1.0], [3.0]])
    expected = {1: 10.0, 8: 9.97, 17: 4.33, 40: 0.0}
    for update in range(1, 41):
        book.learn(h, torch.zeros(2, 1, dtype=torch.int64))
        if update in expected:
            assert book.codebook[1].item() == pytest.approx(expected[update], abs=5e-3), update


@pytest.mark.parametrize(("positions", "entries"), [(1, 512), (2, 5), (4, 2)])
def test_the_rate_is_m_log_k_for_every_sentence(positions, entries):
    model = tiny_model("vq", {"vq": {"positions": positions, "entries": entries}})
    terms = raw_terms(model, tiny_batch(8))
    assert terms.kl.flatten().tolist() == pytest.approx([positions * math.log(entries)] * 8)
    assert not terms.kl.requires_grad


def test_entries_that_are_close_are_different_codes():
    # 512 entries of one dimension lie in +-1/512, 8e-6 apart on average
    book = Codebook(1, 1, 512, 0.99)
    h = book.codebook.double()
    assert len(h.unique()) == 512
    assert mutual_information(QuantisedCode(h, h), h).value == pytest.approx(math.log(512))


def test_every_position_has_its_nearest_entry():
    book = codebook_of([0.0, 0.0], [1.0, 1.0], [4.0, 0.0], positions=2)
    h = torch.tensor([[0.4, 0.4, 3.0, 0.0], [0.6, 0.6, -1.0, 0.0]])
    assert book.nearest(h).tolist() == [[0, 2], [1, 0]]
    assert book.entry(book.nearest(h)).tolist() == [[0.0, 0.0, 4.0, 0.0], [1.0, 1.0, 0.0, 0.0]]


def test_the_gradient_passes_the_quantisation_and_the_decoder_reads_an_entry():
    model = tiny_model("vq", SMALL, init_range=1.0)
    terms = raw_terms(model, tiny_batch(8))
    assert all((code.unflatten(0, (2, 2))[0] == model.prior.codebook).all(1).any() for code in terms.z)
    code, weights = terms.context.posterior, torch.randn(8, 4)
    (gradient,) = torch.autograd.grad((code.mean * weights).sum(), code.unquantised, retain_graph=True)
    torch.testing.assert_close(gradient, weights)  # as if h were the entry
    terms.nll.mean().backward()
    assert model.head.mean.weight.grad.abs().sum() > 0


def test_the_commitment_pulls_the_vectors_to_their_entries():
    model = tiny_model("vq", SMALL, init_range=1.0)
    terms = raw_terms(model, tiny_batch(8))
    code = terms.context.posterior
    torch.testing.assert_close(commitment(code), (code.unquantised - code.mean).square().sum(1))
    gradient = torch.autograd.grad(commitment(code).sum(), code.unquantised)[0]
    torch.testing.assert_close(gradient, 2 * (code.unquantised - code.mean))
    torch.testing.assert_close(VQ(**SMALL["vq"]).objective(terms, clock()).extra, 0.25 * commitment(code))


def test_entries_move_in_updates_alone():
    model = tiny_model("vq", SMALL)
    before = model.prior.codebook.clone()
    with torch.no_grad():
        VQ(**SMALL["vq"]).objective(raw_terms(model, tiny_batch(8)), clock())
    assert torch.equal(model.prior.codebook, before)
    VQ(**SMALL["vq"]).objective(raw_terms(model, tiny_batch(8)), clock())
    assert not torch.equal(model.prior.codebook, before)


def test_figures_obey_the_laws():
    values = check_figures(tiny_model("vq", {"vq": {"positions": 2, "entries": 3}}, init_range=1.0))
    assert values["kl"] == pytest.approx(2 * math.log(3))
    assert values["kl_se"] == pytest.approx(0)
    # one sample is all there is to know: every bound is rec + M log K, and what q(z) lacks of uniform is the rest
    assert values["iw_nll"] == pytest.approx(values["neg_elbo"])
    assert values["mi"] + values["marginal_kl"] == pytest.approx(values["kl"])


def test_the_information_is_the_entropy_of_the_codes():
    model = tiny_model("vq", {"vq": {"positions": 1, "entries": 4}}, init_range=1.0).eval()
    values = check_figures(model)
    batch = tiny_batch(split=tiny_split(60, seed=5))
    with torch.no_grad():
        index = model.prior.nearest(model.posterior(batch).unquantised).flatten()
    share = index.bincount(minlength=4).double() / 60
    assert values["mi"] == pytest.approx(-(share[share > 0] * share[share > 0].log()).sum().item(), abs=1e-9)


def test_prior_samples_are_uniform_entries():
    book = codebook_of([0.0], [1.0], [2.0])
    z = book.sample(torch.randn(30_000, 1, generator=torch.Generator().manual_seed(0)))
    assert [(z == value).double().mean().item() for value in (0, 1, 2)] == pytest.approx([1 / 3] * 3, abs=0.015)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match=r"3 doesn't divide model.latent_size, which is 4"):
        tiny_model("vq", {"vq": {"positions": 3}})
    for other in ("free_bits", "iwae", "critic+vmf"):
        with pytest.raises(UsageError, match="can't be composed"):
            make_method(f"vq+{other}")
