"""Laws of information at a price: free at first, the price at the end, and the KL between."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms, tiny_model

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.remedies import make_method
from vaecli.remedies.info_price import InfoPrice, price_at
from vaecli.remedies.shared.feedback import NEVER, Opening


def two_codes(spread=1.0, since=0.0):
    """Two sentences, in a run whose code is open since an update."""
    mean = torch.tensor([[-spread], [spread]], requires_grad=True)
    opening = Opening(1.0, 0.0)
    opening.since.fill_(since)
    return make_terms(posterior=DiagonalGaussian(mean, torch.zeros(2, 1)), aux={"info_price": opening})


def test_by_hand():
    # half way down half a cosine from 1 to 0.2 is 0.6; the information of N(-1, 1) and N(1, 1) is log 2 - log(1 + e^-2)
    # = 0.5662191 at their means, their KL 1/2: 0.5 - 0.6 * 0.5662191
    assert price_at(0.25, 0.2, 0.5) == pytest.approx(0.6)
    terms = InfoPrice(price=0.2, share=0.5).objective(two_codes(), clock(10, steps_per_epoch=10, epochs=4))
    assert terms.kl.flatten().tolist() == pytest.approx([0.1602685] * 2, abs=1e-6)
    # a fifth of the way up half of the run the gap of -0.0662191 has the weight 0.2, and u is 0.9236068
    terms = InfoPrice(price=0.2, start=0, warm_up=0.5, share=0.5).objective(
        two_codes(), clock(4, steps_per_epoch=10, epochs=4)
    )
    assert terms.kl.flatten().tolist() == pytest.approx([0.0300119] * 2, abs=1e-6)


@given(st.floats(0, 1), st.floats(0.01, 1))
def test_it_falls_from_free_to_the_price_and_stays(price, share):
    prices = [price_at(step / 40, price, share) for step in range(41)]
    assert prices[0] == 1.0
    assert prices[-1] == price
    assert all(price <= after <= before for before, after in pairwise(prices))
    assert all(price_at(at, price, share) == price for at in (share, share + 0.1))


def test_without_a_descent_it_has_the_price_at_once():
    assert price_at(0.0, 0.3, 0.0) == 0.3


def test_at_price_zero_it_is_the_vae_and_at_one_only_the_gap_is_paid():
    terms = two_codes(2.0)
    late = clock(40, steps_per_epoch=10, epochs=4)
    assert torch.equal(InfoPrice(price=0).objective(terms, late).loss, terms.loss)
    free = InfoPrice(price=1).objective(terms, late).kl
    assert (free >= terms.kl - torch.tensor(2.0).log()).all()  # a batch of two informs by log 2 at most


def test_price_and_tax_wait_for_the_code_to_open():
    # of 40 updates, a warm-up of 10: a code of 0.566 nats counts as open at 10, one nat being enough, at 0.5 nats from
    # the update that sees it
    now = clock(8, steps_per_epoch=10, epochs=4)
    assert not InfoPrice(start=0).objective(two_codes(since=NEVER), now).kl.any()
    assert InfoPrice(start=0.1).objective(two_codes(since=NEVER), now).kl[0].item() == pytest.approx(
        -0.0066219, abs=1e-6
    )
    shut, opened = two_codes(since=NEVER), two_codes(since=NEVER)
    opened.context.aux["info_price"].enough = 0.5
    for terms, expected in ((shut, NEVER), (opened, 8.0)):
        InfoPrice().objective(terms, now)
        assert terms.context.aux["info_price"].since.item() == expected
    # 5 updates later half of the gap of -0.0662191 is taxed, and u is price_at(5 / 40)
    kl = InfoPrice(price=0.2, start=0, share=0.5).objective(opened, clock(13, steps_per_epoch=10, epochs=4)).kl
    assert kl[0].item() == pytest.approx(-0.0331096 + (1 - price_at(0.125, 0.2, 0.5)) * 0.5662191, abs=1e-6)


def test_a_code_that_opened_in_an_earlier_phase_is_open_from_the_start_of_the_next():
    opening = two_codes(since=NEVER).context.aux["info_price"]
    assert [opening.steps_open(step, 10) for step in (0, 10, 14)] == [0, 0, 4]
    opening.update(torch.tensor(1.5), 6)
    assert [opening.steps_open(step, 10) for step in (6, 10, 34)] == [0, 4, 28]
    # the clock begins anew
    for step in range(9):
        assert opening.steps_open(step, 10) == step
        opening.update(torch.tensor(0.1), step)


def test_settings_reach_the_state_and_evaluation_leaves_it():
    state = tiny_model("info_price", {"info_price": {"opening": 0.5, "smoothing": 0.25}}).aux["info_price"]
    assert (state.enough, state.mean.smoothing) == (0.5, 0.25)
    terms = two_codes(since=NEVER)
    with torch.no_grad():
        InfoPrice(opening=0).objective(terms, clock())
    assert terms.context.aux["info_price"].mean.weight == 0


def test_what_it_composes_with():
    assert make_method("info_price+bow+skip").name == "bow+info_price+skip"
    with pytest.raises(UsageError, match="both change 'kl'"):
        make_method("info_price+free_bits")
    with pytest.raises(UsageError, match="needs a KL that training can move"):
        make_method("info_price+vq")
