import math

import pytest
import torch
import torch.nn.functional as F
from support import fast_only

from vaecli.kernels import output
from vaecli.kernels.output import OutputLayer, chunk_rows, linear_cross_entropy, row_width

V, D = 7, 3
CPU = torch.device("cpu")


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
    for index in frozen:
        inputs[index].requires_grad_(False)
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
    # 625 cache lines a row in float32, 313 in bf16: 16,000,000 bytes hold 400 and 798 rows
    assert (chunk_rows(10_000), chunk_rows(10_000, torch.bfloat16)) == (400, 798)
    assert chunk_rows(10**9) == 16


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_probabilities_that_vanish_have_their_exact_loss(dtype):
    # p_y = e^-200 is no number in either dtype; -log p_y = 200, whatever the other rows are
    weight = torch.tensor([[0.0], [200.0], [199.0]], dtype=dtype)
    hidden = torch.tensor([[1.0], [0.0]], dtype=dtype)
    nll = linear_cross_entropy(hidden, weight, torch.tensor([0, 0]))
    # log(1 + e^-1) = 0.3133 on top of 200, and log 3 for equal logits
    assert nll.tolist() == pytest.approx([200.3133, 1.0986], abs=0.005)


@fast_only
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


@fast_only
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


# rows of whole cache lines, filled up with -inf

SIZES = [1, 15, 16, 17, 917, 918, 928]
DTYPES = [torch.float32, torch.bfloat16]


def test_rows_are_whole_cache_lines():
    # 64 bytes hold 8, 16 and 32 numbers; in bf16 the number of lines is odd
    widths = {torch.float64: (8, 16, 920, 928), torch.float32: (16, 16, 928, 928), torch.bfloat16: (32, 32, 928, 928)}
    for dtype, expected in widths.items():
        assert tuple(row_width(size, dtype) for size in (1, 16, 917, 928)) == expected
    assert row_width(10_000, torch.float32) == 10_000
    assert row_width(10_000, torch.bfloat16) == 313 * 32
    assert row_width(929, torch.bfloat16) == 31 * 32  # 30 lines would do


@pytest.fixture
def taken(monkeypatch):
    """The arrays of logits that the layer took, by name and shape."""
    seen = []
    real = output.buffers.take
    monkeypatch.setattr(
        output.buffers, "take", lambda name, shape, *a: (seen.append((name, shape)), real(name, shape, *a))[1]
    )
    return seen


@fast_only
@pytest.mark.parametrize("size", SIZES)
def test_no_more_memory_than_the_filling(size, taken):
    with torch.no_grad():
        linear_cross_entropy(*problem(5, torch.float32, size))
    assert taken == [("logits", (5, -(-size // 16) * 16))]


@pytest.mark.parametrize("scale", ["uniform", "by row"])
@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES])
@pytest.mark.parametrize("size", SIZES)
def test_every_vocabulary_size_agrees_with_torch(size, dtype, scale):
    generator = torch.Generator().manual_seed(size)
    hidden = torch.randn(40, 8, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(size, 8, generator=generator).to(dtype).requires_grad_()
    targets = torch.randint(0, size, (40,), generator=generator)
    upstream = torch.ones(40) if scale == "uniform" else torch.linspace(-1, 1, 40)
    exact = [t.detach().double().requires_grad_() for t in (hidden, weight)]
    expected = reference(*exact, targets)
    # 1e-6 of the largest in float32; bf16 rounds logits and p to 8 bits
    within = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 0.02}[dtype]
    nll = linear_cross_entropy(hidden, weight, targets)
    with torch.no_grad():
        scored = linear_cross_entropy(hidden, weight, targets)
    for one in (nll.detach(), scored):
        assert (one.double() - expected.detach()).abs().max() <= within * max(1, expected.max().item())
    ours = torch.autograd.grad(nll, (hidden, weight), upstream.to(nll.dtype))
    for one, true in zip(ours, torch.autograd.grad(expected, exact, upstream.double()), strict=True):
        assert one.shape == true.shape
        # of one word alone p is 1, and both gradients are exactly 0
        assert (one.double() - true).abs().max() <= within * true.abs().max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_the_filling_has_no_probability_and_no_gradient(size, dtype):
    """p is 0 from V on and sums to 1 over V, whatever a call with more words left in the memory before."""
    large = problem(40, dtype, 2 * size + 64)
    linear_cross_entropy(*large).sum().backward()
    hidden, weight, targets = problem(40, dtype, size)
    kept = output.buffers.take("logits", (40, row_width(size, dtype)), dtype, CPU)
    logits = output.logits_into(kept, hidden.detach(), weight.detach())
    assert (logits[:, size:] == -math.inf).all()
    assert int(logits.argmax(1).max()) < size
    p, _, _ = output._softmax_nll(logits, targets.unsqueeze(1), hidden.detach(), weight.detach())
    assert (p[:, size:] == 0).all()
    assert torch.multinomial(p.float(), 200, replacement=True).max() < size
    torch.testing.assert_close(
        p.double().sum(1), torch.ones(40).double(), atol=2e-6 if p.dtype != DTYPES[1] else 0.02, rtol=0
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 16, 917])
def test_what_is_not_finite_stays_so(size, dtype, value):
    hidden, weight, targets = problem(5, dtype, size)
    hidden.data[2, 1] = value
    nll = linear_cross_entropy(hidden, weight, targets)
    with torch.no_grad():
        scored = linear_cross_entropy(hidden, weight, targets)
    for one in (nll.detach(), scored):
        assert one.isfinite().tolist() == [True, True, False, True, True]
    nll.sum().backward()
    assert not hidden.grad[2].isfinite().any()
    assert hidden.grad[[0, 1, 3, 4]].isfinite().all()
    assert not weight.grad.isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_only_words_are_sampled(dtype):
    """Logits for generation have no filling at all."""
    layer = OutputLayer(D, 17).to(dtype)
    assert layer.logits(torch.zeros(2, 4, D, dtype=dtype)).shape == (2, 4, 17)
