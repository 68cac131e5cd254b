import pytest
import torch
import torch.nn.functional as F

from vaecli.model import output
from vaecli.model.output import OutputLayer, chunk_rows, linear_cross_entropy

V, D = 7, 3


def problem(rows, dtype=torch.float64, vocabulary_size=V):
    generator = torch.Generator().manual_seed(rows)
    hidden = torch.randn(rows, D, generator=generator, dtype=dtype, requires_grad=True)
    weight = torch.randn(vocabulary_size, D, generator=generator, dtype=dtype, requires_grad=True)
    return hidden, weight, torch.randint(0, vocabulary_size, (rows,), generator=generator)


def reference(hidden, weight, targets):
    return F.cross_entropy(F.linear(hidden, weight), targets, reduction="none")


def gradients(function, inputs, upstream):
    wanted = [t for t in inputs[:2] if t.requires_grad]
    return torch.autograd.grad(function(*inputs), wanted, upstream)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(output, "CHUNK_BYTES", 1)
    assert chunk_rows(V) == 16


def test_by_hand():
    # hidden 1, weight (log 1, log 2, log 5): probabilities 1/8, 2/8, 5/8; -log(2/8) = log 4
    weight = torch.tensor([[1.0], [2.0], [5.0]]).log().requires_grad_()
    hidden = torch.ones(1, 1, requires_grad=True)
    nll = linear_cross_entropy(hidden, weight, torch.tensor([1]))
    assert torch.allclose(nll, torch.tensor([4.0]).log())
    nll.sum().backward()
    # d weight = p - 1_y = (1/8, -6/8, 5/8); d hidden = sum of weight times that = -3/4 log 2 + 5/8 log 5 = 0.486039
    assert torch.allclose(weight.grad, torch.tensor([[0.125], [-0.75], [0.625]]))
    assert torch.allclose(hidden.grad, torch.tensor([[0.486039]]))


@pytest.mark.parametrize("rows", [1, 5])
def test_gradcheck(rows):
    hidden, weight, targets = problem(rows)
    assert torch.autograd.gradcheck(lambda *t: linear_cross_entropy(*t, targets), (hidden, weight))


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 32, 37])
@pytest.mark.usefixtures("small_chunks")
def test_agrees_with_torch_across_chunks(rows):
    inputs = problem(rows)
    torch.testing.assert_close(linear_cross_entropy(*inputs), reference(*inputs))
    uniform = torch.full((rows,), 1 / rows, dtype=torch.float64)
    for upstream in (uniform, torch.randn(rows, dtype=torch.float64), torch.zeros(rows, dtype=torch.float64)):
        torch.testing.assert_close(
            gradients(linear_cross_entropy, inputs, upstream), gradients(reference, inputs, upstream)
        )


@pytest.mark.parametrize("frozen", [(0,), (1,)])
@pytest.mark.parametrize("uniform", [True, False])
def test_frozen_inputs_get_no_gradient_and_change_no_other(frozen, uniform):
    inputs = problem(5)
    for place in frozen:
        inputs[place].requires_grad_(False)
    upstream = torch.full((5,), 2.0, dtype=torch.float64) if uniform else torch.arange(5, dtype=torch.float64)
    ours = gradients(linear_cross_entropy, inputs, upstream)
    assert len(ours) == 2 - len(frozen)
    torch.testing.assert_close(ours, gradients(reference, inputs, upstream))


def test_nothing_is_recorded_where_nothing_learns():
    inputs = problem(5)
    with torch.no_grad():
        nll = linear_cross_entropy(*inputs)
    assert nll.grad_fn is None
    torch.testing.assert_close(nll, reference(*inputs).detach())


def test_backward_twice_gives_the_same():
    hidden, weight, targets = problem(5)
    loss = linear_cross_entropy(hidden, weight, targets).mean()
    first = torch.autograd.grad(loss, (hidden, weight), retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, (hidden, weight)), first)


def test_no_rows():
    nll = linear_cross_entropy(*problem(0))
    assert nll.shape == (0,)


def test_huge_logits_stay_finite():
    hidden = torch.tensor([[1000.0], [-1000.0]], requires_grad=True)
    weight = torch.tensor([[1.0], [-1.0]])
    nll = linear_cross_entropy(hidden, weight, torch.tensor([0, 0]))
    # logits (1000, -1000) and (-1000, 1000) at target 0: 0 and 2000
    assert nll.tolist() == [0.0, 2000.0]
    nll.sum().backward()
    assert hidden.grad.tolist() == [[0.0], [-2.0]]


def test_bf16_under_autocast_is_close_to_fp32():
    inputs = problem(40, dtype=torch.float32, vocabulary_size=50)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        nll = linear_cross_entropy(*inputs)
    assert nll.dtype == torch.float32
    torch.testing.assert_close(nll, reference(*inputs), atol=0.05, rtol=0.02)
    # 8 bits of mantissa: a few parts in a hundred of the largest entry
    for uniform in (True, False):
        upstream = torch.ones(40) if uniform else torch.linspace(-1, 1, 40)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            ours = gradients(linear_cross_entropy, inputs, upstream)
        for one, exact in zip(ours, gradients(reference, inputs, upstream), strict=True):
            assert one.dtype == torch.float32
            assert (one - exact).abs().max() < 0.03 * exact.abs().max()


def test_bf16_hidden_states_keep_fp32_weights_and_sums():
    hidden, weight, targets = problem(10, dtype=torch.float32)
    low = hidden.detach().bfloat16().requires_grad_()
    nll = linear_cross_entropy(low, weight, targets)
    nll.mean().backward()
    assert (nll.dtype, low.grad.dtype, weight.grad.dtype) == (torch.float32, torch.bfloat16, torch.float32)
    torch.testing.assert_close(nll, reference(hidden, weight, targets), atol=0.05, rtol=0.02)


def test_chunk_is_bounded_in_both_directions():
    assert chunk_rows(10_000) * 10_000 * 4 <= output.CHUNK_BYTES
    assert chunk_rows(10_000, torch.bfloat16) == 2 * chunk_rows(10_000)
    assert chunk_rows(10**9) == 16


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_probabilities_that_vanish_have_their_exact_loss(dtype):
    # p_y = e^-200 is no number in either dtype; -log p_y = 200, whatever the other rows are
    weight = torch.tensor([[0.0], [200.0], [199.0]], dtype=dtype)
    hidden = torch.tensor([[1.0], [0.0]], dtype=dtype)
    nll = linear_cross_entropy(hidden, weight, torch.tensor([0, 0]))
    # log(1 + e^-1) = 0.3133 on top of 200, and log 3 for equal logits
    assert nll.tolist() == pytest.approx([200.3133, 1.0986], abs=0.005)


@pytest.mark.usefixtures("small_chunks")
def test_calls_in_turn_do_not_disturb_each_other(monkeypatch):
    """The shared memory of one call's chunk, weight and block isn't read by another's backward pass."""
    monkeypatch.setattr(output, "BLOCK_ELEMENTS", 2 * D)
    problems = [problem(rows, torch.float32) for rows in (20, 37, 5)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = [linear_cross_entropy(*inputs).mean() for inputs in problems]
        alone = [gradients(linear_cross_entropy, inputs, torch.ones(len(inputs[2]))) for inputs in problems]
    for inputs, loss, expected in zip(problems, losses, alone, strict=True):
        together = torch.autograd.grad(loss, inputs[:2])
        for one, other in zip(together, expected, strict=True):
            torch.testing.assert_close(one * len(inputs[2]), other)


def test_layer():
    torch.manual_seed(0)
    layer = OutputLayer(D, V)
    # U(-1/sqrt(3), 1/sqrt(3))
    assert 0 < layer.weight.abs().max() <= 3**-0.5
    hidden, targets = torch.randn(5, D), torch.tensor([0, 1, 2, 3, 6])
    logits = layer.logits(hidden)
    assert logits.shape == (5, V)
    torch.testing.assert_close(layer.nll(hidden, targets), F.cross_entropy(logits, targets, reduction="none"))


def test_scoring_in_bf16_keeps_the_targets_logit_in_float32():
    # Logits of up to 8, which bf16 rounds by up to 0.03; in a sum over 2,000 words of like size that averages out.
    generator = torch.Generator().manual_seed(0)
    hidden, weight = torch.randn(256, 64, generator=generator) / 4, torch.randn(2_000, 64, generator=generator)
    targets = torch.randint(0, 2_000, (256,), generator=generator)
    exact = reference(hidden.double(), weight.double(), targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        trained = linear_cross_entropy(hidden.clone().requires_grad_(), weight, targets).detach()
        with torch.no_grad():
            scored = linear_cross_entropy(hidden, weight, targets)
    assert (scored - exact).std() < 0.5 * (trained - exact).std()
