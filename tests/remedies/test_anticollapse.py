"""Laws of the tax on the gap: the KL is what informs and the gap, and u ends as the price of information."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms, tiny_batch, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.anticollapse import AntiCollapse, InformationPrice
from vaecli.remedies.shared.aggregate import sentence_information, taxed_kl
from vaecli.remedies.shared.feedback import NEVER

late = clock(40, steps_per_epoch=10, epochs=4)
"""After the warm-up, when the gap is taxed in full."""


def trajectory(trace, target=2.0, step=0.1, smoothing=0.0):
    """u before and after each mean information of a trace."""
    state = InformationPrice(target, step, smoothing)
    prices = [state.value.item()]
    for information in trace:
        state.update(torch.tensor(float(information)))
        prices.append(state.value.item())
    return prices


def terms_of(mean, state, logvar=0.0, **context):
    mean = torch.tensor(mean).unsqueeze(1).requires_grad_()
    posterior = DiagonalGaussian(mean, torch.full_like(mean, logvar))
    return make_terms(posterior=posterior, aux={"anticollapse": state}, **context)


def test_two_codes_by_hand():
    # N(-1, 1) and N(1, 1), each code at its mean: log q(z|x) is 2 above that of the other sentence, so the information
    # is log 2 - log(1 + e^-2) = 0.5662191 a sentence; the KL is 1/2; at u = 1/4 what is left is 0.5 - 0.1415548
    state = InformationPrice(2.0, 0.1, 0.0)
    state.value.fill_(0.25)
    terms = AntiCollapse().objective(terms_of([-1.0, 1.0], state), late)
    assert terms.kl.flatten().tolist() == pytest.approx([0.3584452] * 2, abs=1e-6)
    # then u moves by 0.1 (2 - 0.5662191)
    assert state.value.item() == pytest.approx(0.3933781, abs=1e-6)
    # half way through the warm-up the gap, -0.0662191 here, has the weight 1/2: -0.0331096 + 0.6066219 * 0.5662191
    state.opening.since.fill_(4)
    terms = AntiCollapse(start=0, warm_up=0.5).objective(
        terms_of([-1.0, 1.0], state), clock(14, steps_per_epoch=10, epochs=4)
    )
    assert terms.kl.flatten().tolist() == pytest.approx([0.3103713] * 2, abs=1e-6)
    assert state.value.item() == pytest.approx(0.3933781, abs=1e-6)  # and u waits


def test_trajectory_by_hand():
    # u <- u + 0.1 (2 - I): 1, then 0.8 at I = 4, 0.5 at 5, 0.5 at 2, 0.6 at 1, and no less than 0
    assert trajectory([4, 5, 2, 1, 30]) == pytest.approx([1.0, 0.8, 0.5, 0.5, 0.6, 0.0])
    assert trajectory([0, 0]) == [1.0, 1.0, 1.0]  # information is never rewarded beyond what it costs


@given(st.lists(st.floats(0, 20), max_size=30), st.floats(0, 5), st.floats(0.001, 1))
def test_the_price_moves_against_what_is_missing_and_stays_a_discount(trace, target, step):
    prices = trajectory(trace, target, step)
    for before, after, information in zip(prices, prices[1:], trace, strict=False):
        assert 0 <= after <= 1
        assert (after - before) * (target - information) >= 0


def test_the_kl_is_what_informs_and_the_gap():
    torch.manual_seed(0)
    q = DiagonalGaussian(torch.randn(16, 3, dtype=torch.float64), torch.randn(16, 3, dtype=torch.float64))
    z = q.sample(torch.randn(1, 16, 3, dtype=torch.float64))[0]
    kl, information = torch.rand(16, 3, dtype=torch.float64), sentence_information(q, z)
    torch.testing.assert_close(taxed_kl(kl, information, 1.0, 1.0), kl.sum(-1, keepdim=True))  # the VAE
    torch.testing.assert_close(taxed_kl(kl, information, 0.0, 1.0), information.unsqueeze(1))
    torch.testing.assert_close(taxed_kl(kl, information, 1.0, 0.0).squeeze(1), kl.sum(-1) - information)
    torch.testing.assert_close(taxed_kl(kl, information, 0.3, 0.3), 0.3 * kl.sum(-1, keepdim=True))  # a KL weight
    assert not taxed_kl(kl, information, 0.0, 0.0).any()  # an autoencoder
    assert information.max() <= math.log(16)


@pytest.mark.parametrize(("spread", "expected"), [(0.0, 0.0), (1e3, math.log(8))])
def test_codes_that_are_alike_earn_nothing_and_codes_apart_log_b(spread, expected):
    q = DiagonalGaussian(spread * torch.arange(8.0).unsqueeze(1), torch.zeros(8, 1))
    assert sentence_information(q, q.mean).tolist() == pytest.approx([expected] * 8, abs=1e-6)


def test_the_estimate_is_from_below():
    # all sentences have one of two codes far apart, so I is log 2; a batch of 4 has half of them once in 16 batches and
    # so on: the mean of log(4 / n), n those with one's own code, is less
    torch.manual_seed(0)
    sides = 100 * torch.randint(2, (500, 4, 1)).double()
    batches = [sentence_information(DiagonalGaussian(side, torch.zeros(4, 1)), side) for side in sides]
    exact = sum(math.comb(3, k) / 8 * math.log(4 / (k + 1)) for k in range(4))
    assert exact < math.log(2)
    assert torch.stack(batches).mean().item() == pytest.approx(exact, abs=0.03)


def test_where_it_settles_u_is_the_price_of_information():
    # a bound that is I^2 / 4 above its least where the code informs by I: its price is I / 2
    information, state = torch.tensor(0.1, requires_grad=True), InformationPrice(1.2, 0.05, 0.0)
    for _ in range(800):
        (slope,) = torch.autograd.grad(information**2 / 4 - state.value.clone() * information, information)
        with torch.no_grad():
            information -= 0.05 * slope
        state.update(information.detach())
    assert information.item() == pytest.approx(1.2, abs=1e-4)
    assert state.value.item() == pytest.approx(0.6, abs=1e-4)


def test_at_price_one_only_the_gap_has_a_gradient():
    # posteriors far apart: the information is log B whatever small steps do, so moving one costs its KL
    state = InformationPrice(2.0, 0.1, 0.0)
    terms = terms_of([-50.0, 50.0], state)
    AntiCollapse().objective(terms, late).loss.backward()
    assert terms.context.posterior.mean.grad.flatten().tolist() == pytest.approx([-25.0, 25.0])
    # and posteriors that are alike pay for their distance from the prior alone
    terms = terms_of([0.5, 0.5], InformationPrice(2.0, 0.1, 0.0))
    assert AntiCollapse().objective(terms, late).kl.flatten().tolist() == pytest.approx([0.125, 0.125])


def test_at_first_the_gap_has_its_first_weight_and_information_none():
    terms = terms_of([-3.0, 9.0], InformationPrice(2.0, 0.1, 0.0))
    assert not AntiCollapse(start=0).objective(terms, clock()).kl.any()
    # two codes that far apart inform by log 2, and their KL is 9/2 and 81/2
    kl = AntiCollapse(start=0.1).objective(terms, clock()).kl.flatten().tolist()
    assert kl == pytest.approx([0.1 * (4.5 - math.log(2)), 0.1 * (40.5 - math.log(2))], abs=1e-6)


def test_taxes_wait_for_the_code_to_open():
    # of 40 updates the warm-up is 10. A code of 0.566 nats is below the target of 2 and counts as open from update 10
    # on, with the gap's whole tax at 20; at a target of 0.5 it is open from the update that sees it, whole 10 later
    def taxes(target):
        state = InformationPrice(target, 0.1, 0.0)
        free = terms_of([-1.0, 1.0], state)
        return [
            AntiCollapse(start=0).objective(free, clock(step, steps_per_epoch=10, epochs=4)).kl
            for step in (3, 8, 15, 21)
        ]

    # v of the gap -0.0662191; information is free till the tax is whole, and then u has moved by 0.1 (0.5 - 0.5662191)
    assert [tax[0].item() for tax in taxes(2.0)] == pytest.approx([0, 0, -0.0331096, -0.0662191], abs=1e-6)
    assert [tax[0].item() for tax in taxes(0.5)] == pytest.approx([0, -0.0331096, -0.0662191, -0.0624695], abs=1e-6)


def test_evaluation_leaves_the_price_and_the_opening():
    state = InformationPrice(0.5, 0.1, 0.5)
    AntiCollapse().objective(terms_of([-1.0, 1.0], state, training=False), late)
    with torch.no_grad():
        AntiCollapse().objective(terms_of([-1.0, 1.0], state), late)
    assert (state.value.item(), state.opening.since.item(), state.opening.mean.weight.item()) == (1.0, NEVER, 0.0)


def test_settings_reach_the_state_and_a_checkpoint_holds_all_of_it():
    hyper = {"anticollapse": {"target": 1.5, "step": 0.25, "smoothing": 0.5}}
    model = tiny_model("anticollapse", hyper)
    state = model.aux["anticollapse"]
    assert (state.target, state.step, state.opening.mean.smoothing) == (1.5, 0.25, 0.5)
    assert state.opening.enough == 1.5
    assert not list(state.parameters())
    method = make_method("anticollapse", hyper)
    method.objective(raw_terms(model, tiny_batch(4)), clock())
    other = tiny_model("anticollapse", hyper, seed=1)
    other.load_state_dict(model.state_dict())
    for step, value in enumerate((9.0, 0.3)):  # the two go on alike
        for each in (state, other.aux["anticollapse"]):
            each.update(each.opening.update(torch.tensor(value), step))
        assert state.value.item() == other.aux["anticollapse"].value.item() < 1.0
    assert state.opening.since == other.aux["anticollapse"].opening.since == 0


def test_codes_on_a_sphere_have_no_kl_to_tax_and_points_no_density():
    with pytest.raises(UsageError, match="needs a KL that training can move"):
        make_method("anticollapse+vmf")
    with pytest.raises(UsageError, match="needs a posterior with a density"):
        make_method("ae+anticollapse")
    assert make_method("anticollapse+bn+skip").name == "anticollapse+bn+skip"
