"""Laws of the injective decoder: convexity, the monotonicity inequality, and the floor that reaches the logits."""

import math

import pytest
import torch
from support import clock, split_of, tiny_batch, tiny_model, tiny_shape, tiny_split

from vaecli.config import EvaluationConfig
from vaecli.core.errors import UsageError
from vaecli.corpus.types import collate
from vaecli.metrics.measure import evaluate
from vaecli.model.decoding import greedy
from vaecli.model.injective import LARGEST, SMALLEST, Convex, MonotoneMap, full_rank
from vaecli.objective import raw_terms
from vaecli.remedies import make_method
from vaecli.remedies.lipschitz import Lipschitz


def test_convex_network_by_hand():
    # M = 1, P = w = softplus(log(e - 1)) = 1: at a = (0, 0), s(0) = log 2, value log(1 + 2) = log 3,
    # d/da_1 = sigmoid(log 2) = 2/3, d/da_0 = sigmoid(0) * 2/3 = 1/3
    net = Convex(1)
    with torch.no_grad():
        net.between.fill_(math.log(math.e - 1))
        net.top.fill_(math.log(math.e - 1))
        assert net(torch.zeros(2)).item() == pytest.approx(math.log(3))
        assert net.gradient(torch.zeros(2)).tolist() == pytest.approx([1 / 3, 2 / 3])


def monotone(strength, size=5, hidden=6, spread=3.0):
    torch.manual_seed(1)
    f = MonotoneMap(size, hidden, strength).double()
    with torch.no_grad():
        for parameter in f.parameters():
            parameter.copy_(torch.randn_like(parameter) * spread)
    return f


def potential(f, x):
    """(...) the convex function whose gradient f is, at (..., K)."""
    return f.convex(f.inner(x)) + 0.5 * f.strength * x.square().sum(-1)


@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0])
def test_it_is_the_gradient_of_its_potential(strength):
    f, x = monotone(strength), torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(torch.autograd.grad(potential(f, x).sum(), x)[0], f(x))


@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0])
def test_monotonicity_and_the_floor_it_gives(strength):
    f = monotone(strength)
    x, y = torch.randn(2, 200, 5, dtype=torch.float64)
    inner, squared = ((f(x) - f(y)) * (x - y)).sum(-1), (x - y).square().sum(-1)
    assert (inner >= strength * squared - 1e-9).all()
    assert ((f(x) - f(y)).norm(dim=-1) >= strength * squared.sqrt() - 1e-9).all()
    assert (inner > strength * squared).any()


@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_jacobian_is_symmetric_and_at_least_the_strength(strength):
    f = monotone(strength)
    jacobian = torch.autograd.functional.jacobian(f, torch.randn(5, dtype=torch.float64))
    assert torch.allclose(jacobian, jacobian.T)
    assert torch.linalg.eigvalsh(jacobian)[0] >= strength - 1e-9


def test_potential_is_convex_along_segments():
    f = monotone(0.0)
    x, y = torch.randn(2, 200, 5, dtype=torch.float64) * 2
    for share in (0.2, 0.5, 0.9):
        mixed = potential(f, share * x + (1 - share) * y)
        assert (mixed <= share * potential(f, x) + (1 - share) * potential(f, y) + 1e-9).all()


def test_strength_adds_its_multiple():
    # f_L(x) = f_0(x) + L x: with L = 2 and x = (1, ..., 1) the difference is 2 everywhere
    plain, strong, x = monotone(0.0), monotone(2.0), torch.ones(5, dtype=torch.float64)
    assert (strong(x) - plain(x)).tolist() == pytest.approx([2.0] * 5)


def test_singular_values_by_hand():
    # diag(20, 3, 0) becomes diag(10, 3, 1e-5); what is in the range is left as it is
    wrong = torch.diag(torch.tensor([20.0, 3.0, 0.0]))
    assert torch.linalg.svdvals(full_rank(wrong)).tolist() == pytest.approx([LARGEST, 3, SMALLEST])
    right = torch.randn(6, 3)
    assert full_rank(right) is right


def test_what_is_not_finite_is_left_for_the_loss_to_show():
    assert full_rank(torch.full((3, 2), math.nan)).isnan().all()


def test_gradient_passes_the_clamp():
    matrix = torch.zeros(4, 2, requires_grad=True)
    (full_rank(matrix) * 3).sum().backward()
    assert (matrix.grad == 3).all()


@pytest.mark.parametrize("strength", [0.0, 0.7])
def test_logits_are_those_of_the_composed_maps(strength):
    # the second map as it is written: the gradient of w . s(P s(a_0) + a_1) + L |x|^2 / 2 + c x, a = A x + b, x = B u
    model = tiny_model("lipschitz", {"lipschitz": {"strength": strength}}).double()
    decoder, z, inputs = model.decoder, torch.randn(3, 4, dtype=torch.float64), tiny_batch(3).inputs
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(torch.randn_like(parameter))
    logits = decoder.output.logits(decoder.hidden(z, inputs))
    c = decoder.initial.expand(1, 3, -1).contiguous()
    states, _ = decoder.lstm(decoder.embedding(inputs), (c.tanh(), c))
    x = torch.cat([states, z.unsqueeze(1).expand(-1, states.shape[1], -1)], -1)
    outer, between, shift = decoder.output.blocks()
    x = (decoder.first(x) @ between.T).detach().requires_grad_()
    potential = decoder.second(x @ outer + decoder.bias) + strength / 2 * x.square().sum(-1) + (x @ shift).squeeze(-1)
    assert torch.allclose(torch.autograd.grad(potential.sum(), x)[0], logits)


@pytest.mark.parametrize("strength", [0.3, 1.0, 2.0])
def test_codes_apart_have_logits_apart(strength):
    model = tiny_model("lipschitz", {"lipschitz": {"strength": strength}}).double().eval()
    decoder, inputs = model.decoder, tiny_batch(1).inputs.expand(50, -1)
    z, other = torch.randn(2, 50, 4, dtype=torch.float64)
    with torch.no_grad():
        smallest = torch.linalg.svdvals(decoder.output.blocks()[1])[-1]
        first, second = (decoder.output.logits(decoder.hidden(code, inputs)) for code in (z, other))
    apart = (first - second).norm(dim=-1)
    floor = strength**2 * smallest * (z - other).norm(dim=-1)
    assert (apart >= floor.unsqueeze(1)).all()


def test_the_lstm_never_sees_z():
    model, inputs = tiny_model("lipschitz"), tiny_batch(3).inputs
    seen = []
    model.decoder.lstm.register_forward_hook(lambda _, args, out: seen.append(out[0]))
    states = [model.decoder.hidden(z, inputs) for z in torch.randn(2, 3, 4)]
    assert torch.equal(*seen)
    assert not torch.allclose(*states)


def test_scoring_agrees_with_the_logits():
    model, batch = tiny_model("lipschitz").eval(), tiny_batch(4)
    z = torch.randn(4, 4)
    with torch.no_grad():
        logits = model.decoder.output.logits(model.decoder.hidden(z, batch.inputs))
        expected = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch.targets, reduction="none")
        assert torch.allclose(model.nll(z, batch), (expected * batch.mask).sum(1), atol=1e-4)


def test_sizes_follow_the_model():
    # H + Z = 7 + 4 = 11: M = 22 at width 2, and the output layer has 2 * 22 + 11 + 1 = 56 features
    model = tiny_model("lipschitz", {"lipschitz": {"width": 2.0}})
    assert len(model.decoder.second.top) == 22
    assert model.decoder.output.weight.shape == (12, 56)


def test_too_few_words_are_refused():
    with pytest.raises(UsageError, match="'lipschitz': 10 word types can't tell 11 dimensions apart"):
        make_method("lipschitz").build(tiny_shape(vocabulary_size=10), 0)


def test_strength_may_not_be_negative():
    with pytest.raises(ValueError, match="strength"):
        Lipschitz(strength=-0.1)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_it_trains_evaluates_and_generates(strength):
    method = make_method("lipschitz+linear_anneal", {"lipschitz": {"strength": strength}})
    model, batch = method.build(tiny_shape(output_dropout=0.2), 0), tiny_batch(8)
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=1e-2), []
    torch.manual_seed(0)
    for _ in range(20):
        optimiser.zero_grad()
        losses.append(method.objective(raw_terms(model, batch), clock()).loss)
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < losses[0]
    config = EvaluationConfig(iw_samples=3)
    assert math.isfinite(evaluate(model, tiny_split(9), config, seed=0, device=torch.device("cpu")).values["iw_nll"])
    z = torch.randn(2, 4)
    sentences = greedy(model.eval().decoder, z, 4)
    batch = collate(split_of(*[s.words for s in sentences]), torch.arange(2))
    with torch.no_grad():
        nll = model.nll(z, batch)
    assert torch.allclose(-nll, torch.tensor([s.log_prob for s in sentences]), atol=1e-4)
