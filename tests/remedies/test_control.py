"""Laws of the controller: its curve, its signs, its bounds, and a sum that can neither wind up nor stay frozen."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import clock, make_terms, tiny_shape

from vaecli.core.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.control import Control, Controller, Gains

PUBLISHED = Gains(0.01, 1e-4, 0.0, 1.0)


def weights(trace, target=3.0, gains=PUBLISHED, smoothing=0.0):
    """The weight after each KL of a trace."""
    controller, schedule = Controller(target, gains, smoothing), []
    for kl in trace:
        controller.update(torch.tensor(float(kl)))
        schedule.append(controller.weight.item())
    return schedule


def test_two_updates_by_hand():
    # C 3, KL 5, e = -2: P = 0.01 / (1 + exp(-2)) = 0.01 * 0.880797 = 0.00880797; I = 2e-4, then 4e-4
    assert weights([5, 5]) == pytest.approx([0.00900797, 0.00920797], rel=1e-5)


def test_at_the_target_half_of_kp_above_the_minimum():
    assert weights([3, 3, 3]) == pytest.approx([0.005] * 3)
    assert weights([3], gains=Gains(0.01, 1e-4, 0.2, 1.0)) == pytest.approx([0.205])


def test_a_kl_below_the_target_lowers_the_weight_to_the_minimum():
    # from 10 updates above: I = 10 * 1e-4 * 5 = 0.005; then e = 2 takes 2e-4 an update, and P = 0.01 / (1 + exp(2))
    # = 0.00119 is left: (0.005 + 0.00119) / 2e-4 = 30.96, so update 31 is the first at 0
    falling = weights([8] * 10 + [1] * 60)[10:]
    assert falling == sorted(falling, reverse=True)
    assert falling[29] > 0
    assert falling[30:] == [0] * 30


def test_a_kl_above_the_target_raises_the_weight_to_the_maximum():
    trace = weights([103] * 110)  # e = -100 adds 0.01 an update
    assert trace == sorted(trace)
    assert trace[49] == pytest.approx(0.51, rel=1e-3)  # 50 * 0.01, and P = 0.01
    assert trace[-1] == 1


def test_no_wind_up_at_the_maximum():
    # 300 updates at e = -100 are an unbounded sum of 3; the first error of the other sign, e = 2, has effect at once:
    # P falls to 0.01 / (1 + exp(2)) = 0.00119, I is at most 1
    long, short = (weights([103] * updates + [1] * 3) for updates in (300, 120))
    assert long[-3:] == pytest.approx(short[-3:])
    assert long[300] < long[299]
    assert long[302] < long[301] < long[300] < 1


def test_the_sum_ends_at_the_maximum_above_a_minimum_too():
    # e = -100: P = 0.1, and at the maximum I + P + w_min = 1, so that I ends at 0.7; the next error, e = 2, leaves
    # P = 0.1 / (1 + exp(2)) = 0.0119203 and takes 2e-4 of I: 0.6998 + 0.0119203 + 0.2
    trace = weights([103] * 300 + [1], gains=Gains(0.1, 1e-4, 0.2, 1.0))
    assert trace[-2:] == pytest.approx([1.0, 0.9117203], abs=1e-6)


def test_no_wind_up_at_the_minimum():
    # 5,000 updates at e = 3 would be a sum of -1.5; the weight rises at once all the same
    trace = weights([0] * 5000 + [13] * 2)
    assert trace[4999] < 0.001
    assert trace[5000] > 0.009
    assert trace[5001] > trace[5000]


@given(st.lists(st.floats(0, 500), min_size=1, max_size=20), st.floats(0, 0.95))
def test_weights_stay_in_range_and_a_trace_repeats(trace, smoothing):
    gains = Gains(0.5, 0.01, 0.1, 0.8)
    schedule = weights(trace, gains=gains, smoothing=smoothing)
    assert all(0.1 - 1e-6 <= w <= 0.8 + 1e-6 for w in schedule)
    assert schedule == weights(trace, gains=gains, smoothing=smoothing)


def test_holds_a_kl_that_falls_with_its_weight_at_the_target():
    # a plant that goes a twentieth of its way to 6 (1 - w) an update: KL 3 needs w = 0.5
    controller, kl = Controller(3.0, Gains(0.01, 1e-2, 0.0, 1.0), 0.0), 0.0
    for _ in range(1500):
        controller.update(torch.tensor(kl))
        kl += (6 * (1 - controller.weight.item()) - kl) / 20
    assert kl == pytest.approx(3, abs=0.01)
    assert controller.weight.item() == pytest.approx(0.5, abs=0.01)


def built(**hyper):
    method = make_method("control", {"control": hyper})
    return method, method.build(tiny_shape(), 0)


def terms_with_kl(kl, controller, **context):
    mean = torch.full((2, 1), (2 * kl) ** 0.5, requires_grad=True)
    posterior = DiagonalGaussian(mean, torch.zeros(2, 1))
    return make_terms(posterior=posterior, aux={"control": controller}, **context)


def test_the_weight_knows_the_kl_of_its_own_batch_and_only_the_weight_changes():
    terms = terms_with_kl(5.0, Controller(3.0, PUBLISHED, 0.0))
    new = Control().objective(terms, clock())
    assert float(new.kl_weight) == pytest.approx(0.00900797, rel=1e-4)
    assert (new.kl is terms.kl, new.nll is terms.nll, new.extra is terms.extra) == (True, True, True)
    new.loss.backward()  # the weight is a number: the gradient of w <KL> is w mean / B
    mean = terms.context.posterior.mean
    torch.testing.assert_close(mean.grad, float(new.kl_weight) * mean.detach() / 2)


def test_evaluation_reads_the_weight_and_leaves_it():
    controller = Controller(3.0, PUBLISHED, 0.0)
    before = Control().objective(terms_with_kl(9.0, controller), clock()).kl_weight
    state = {k: v.clone() for k, v in controller.state_dict().items()}
    after = Control().objective(terms_with_kl(50.0, controller, training=False), clock()).kl_weight
    with torch.no_grad():
        Control().objective(terms_with_kl(50.0, controller), clock())
    assert float(after) == float(before)
    assert all(torch.equal(v, state[k]) for k, v in controller.state_dict().items())


def test_the_weight_of_a_past_update_stays():
    controller = Controller(3.0, PUBLISHED, 0.0)
    first = Control().objective(terms_with_kl(9.0, controller), clock()).kl_weight
    value = float(first)
    Control().objective(terms_with_kl(90.0, controller), clock())
    assert float(first) == value


def test_settings_reach_the_controller_and_no_parameter_is_added():
    method, model = built(target=1.5, minimum=0.25, maximum=0.5, proportional=0.1, integral=0.2, smoothing=0.3)
    controller = model.aux["control"]
    assert (controller.target, controller.kl.smoothing) == (1.5, 0.3)
    assert controller.gains == Gains(0.1, 0.2, 0.25, 0.5)
    assert not list(controller.parameters())
    terms = method.objective(raw_terms(model, terms_with_kl(1.0, None).context.batch), clock())
    assert 0.25 <= float(terms.kl_weight) <= 0.5


def test_bounds_out_of_order_are_refused():
    with pytest.raises(UsageError, match="minimum must be at most maximum"):
        built(minimum=0.9, maximum=0.5)
