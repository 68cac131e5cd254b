"""What every fast operation computes, to be held against its plain twin: a case or more each, in `CASES`."""

import torch
from support import tiny_batch, tiny_model, tiny_shape, tiny_split
from torch import nn

from vaecli.corpus.batches import prefetched
from vaecli.corpus.types import BOS
from vaecli.corpus.words import TextNumbering
from vaecli.kernels import arithmetic
from vaecli.kernels.arithmetic import exact_products, resolve_precision
from vaecli.kernels.dropout import Dropout
from vaecli.kernels.lstm import LSTM
from vaecli.kernels.optimizers import LBFGS, SGD, Adam, RMSprop
from vaecli.kernels.output import linear_cross_entropy
from vaecli.kernels.shared_output import shared_nll
from vaecli.kernels.switch import runs_plain
from vaecli.metrics import inference
from vaecli.metrics.columns.mi import mutual_information
from vaecli.metrics.scoring import scoring_precision
from vaecli.model.categorical import CategoricalPosterior, Classes
from vaecli.model.decoding import steps_of
from vaecli.model.flow import Flow, FlowPosterior
from vaecli.model.mixture import MixtureOfGaussians
from vaecli.model.posterior import DiagonalGaussian, PointMass
from vaecli.model.spherical_power import PowerSphericalPosterior
from vaecli.model.von_mises_fisher import Concentration, VonMisesFisher
from vaecli.remedies import make_method
from vaecli.training.optimizer import clip_gradients

CPU = torch.device("cpu")

CASES = {}
"""By kernel: functions that yield numbers, texts or tensors; how far apart these may be, as a share of the largest."""


def case(*names, within=1e-5):
    def add(compute):
        for name in names:
            CASES.setdefault(name, []).append((compute, within))
        return compute

    return add


def numbers(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@case("kernels.output.linear_cross_entropy")
def losses_and_gradients():
    for rows in (1, 5, 400):
        hidden, weight = numbers(rows, 8).requires_grad_(), numbers(917, 8, seed=1).requires_grad_()
        targets = torch.arange(rows) % 917
        for upstream in (torch.ones(rows), torch.linspace(-1, 1, rows)):
            nll = linear_cross_entropy(hidden, weight, targets)
            yield nll.detach()
            yield from torch.autograd.grad(nll, (hidden, weight), upstream)
        with torch.no_grad():
            yield linear_cross_entropy(hidden, weight, targets)
    yield linear_cross_entropy(numbers(0, 8), weight, targets[:0])


@case("kernels.output.linear_cross_entropy")
def rare_targets():
    # p of the target is e^-200 and e^-2000
    weight = torch.tensor([[0.0], [200.0]])
    yield linear_cross_entropy(torch.tensor([[1.0], [10.0], [0.0]]), weight, torch.tensor([0, 0, 0]))


@case("kernels.shared_output.shared_nll", within=0.02)  # nats, the tolerance of its module
def losses_of_samples_near_their_mean():
    states = numbers(1, 6, 16) + 0.1 * numbers(40, 6, 16, seed=1)
    yield shared_nll(states, torch.arange(6), torch.arange(6), numbers(5_000, 16, seed=2))


@case("kernels.lstm.LSTM.forward", within=0.05)  # bf16 has 8 bits
def states_of_an_lstm_in_bf16_where_it_is_fast():
    torch.manual_seed(0)
    layer = LSTM(4, 16)
    x, state = numbers(3, 7, 4).requires_grad_(), (numbers(1, 3, 16, seed=1), numbers(1, 3, 16, seed=2))
    for initial in (None, state):
        with torch.autocast("cpu", torch.bfloat16, enabled=not runs_plain()):
            states, last = layer(x, initial)
        yield from (states, *last)
        yield from torch.autograd.grad(states.float().square().sum(), [x, *layer.parameters()])


@case("kernels.lstm.LSTM.forward")
def states_of_an_lstm_in_fp32():
    torch.manual_seed(0)
    layer = LSTM(4, 16)
    states, last = layer(numbers(3, 1, 4))
    yield from (states, *last)


@case("kernels.lstm.LSTM.forward")
def states_of_samples_with_an_input_that_is_constant_in_time():
    torch.manual_seed(0)
    layer = LSTM(4 + 2, 16)
    x, state = numbers(3, 7, 4).requires_grad_(), (numbers(1, 6, 16, seed=1), numbers(1, 6, 16, seed=2))
    z = numbers(6, 2, seed=3).requires_grad_()
    states, last = layer(x, state, z)
    yield from (states, *last)
    yield from torch.autograd.grad(states.square().sum(), [x, z, *layer.parameters()])
    with torch.no_grad():
        yield layer(x, state, z)[0]


@case("kernels.dropout.Dropout.forward", within=0.02)  # shares of 40,000 draws have a deviation below 0.003
def shares_and_scale_of_dropout():
    torch.manual_seed(0)
    x = torch.ones(200, 200, requires_grad=True)
    for p in (0.1, 0.5, 0.9):
        dropped = Dropout(p)(x)
        kept = dropped != 0
        yield kept.float().mean()
        yield (kept[:, 1:] & kept[:, :-1]).float().mean()
        yield dropped.max() * (1 - p)
        yield torch.autograd.grad(dropped.sum(), x)[0] - dropped  # the gradient has the mask of the values
    yield from (Dropout(1.0)(x), Dropout(0.0)(x), Dropout(0.5).eval()(x))


@case("kernels.arithmetic.resolve_precision", within=0.05)
def losses_in_the_precision_of_a_large_output_layer():
    torch.manual_seed(0)
    layer = LSTM(8, 8)
    with arithmetic.arithmetic(resolve_precision("auto", CPU, 10**9), CPU):
        states, _ = layer(numbers(5, 4, 8))
        yield linear_cross_entropy(states.flatten(0, 1), numbers(50, 8, seed=1), torch.arange(20))
    yield resolve_precision("fp32", CPU, 10**9)
    yield resolve_precision("auto", CPU, 1)


@case("kernels.arithmetic.exact_products")
def products():
    with exact_products():
        yield numbers(64, 300) @ numbers(300, 1000, seed=1)


def trained(make):
    """A word embedding and linear maps after some updates, the optimiser's state saved and restored after each."""
    torch.manual_seed(0)
    layers = nn.ModuleList([nn.Embedding(6, 2, padding_idx=0), nn.Linear(2, 3), nn.Linear(3, 1)])
    layers[0].sparse = make is SGD and not runs_plain()

    def optimizer():
        if make is LBFGS:  # which takes one group
            return make(layers.parameters(), lr=0.1)
        made = make(layers[:2].parameters(), lr=0.1)
        made.add_param_group({"params": layers[2].parameters()})
        return made

    def closure():
        current.zero_grad()
        loss = layers[2](layers[1](layers[0](torch.tensor([[1, 1, 3], [4, 1, 0]])))).square().sum()
        loss.backward()
        return loss

    current = optimizer()
    for _ in range(3):
        if make is SGD:
            closure()
            current.step()
        else:
            current.step(closure)
        before, current = current, optimizer()
        current.load_state_dict(before.state_dict())
    return layers.parameters()


@case("kernels.optimizers.SGD.step")
def by_sgd():
    yield from trained(SGD)


@case("kernels.optimizers.Adam.step")
def by_adam():
    yield from trained(Adam)
    yield from trained(lambda p, lr: Adam(p, lr=lr, fused=True))
    yield from trained(lambda p, lr: Adam(p, lr=lr, betas=(0.5, 0.9)))


@case("kernels.optimizers.RMSprop.step")
def by_rmsprop():
    yield from trained(RMSprop)
    yield from trained(lambda p, lr: RMSprop(p, lr=lr / 100, maximize=True))


@case(*(f"kernels.optimizers.Eager.{n}" for n in ("add_param_group", "state_dict", "load_state_dict", "zero_grad")))
def by_lbfgs():
    yield from trained(LBFGS)


@case("training.optimizer.clip_gradients")
def clipped():
    for limit in (0.1, 100.0):
        embedding, other = nn.Embedding(6, 2, padding_idx=0, sparse=not runs_plain()), nn.Linear(2, 1)
        embedding.weight.data, other.weight.data, other.bias.data = numbers(6, 2), numbers(1, 2), torch.ones(1)
        other(embedding(torch.tensor([[1, 1, 3], [4, 1, 0]]))).square().sum().backward()
        parameters = [embedding.weight, *other.parameters(), nn.Parameter(torch.ones(3))]
        yield clip_gradients(parameters, limit)
        yield from (p.grad.to_dense() for p in parameters[:3])
    yield clip_gradients([nn.Parameter(torch.ones(3))], 1.0)


@case("corpus.batches.prefetched")
def batches():
    split = tiny_split(9)
    for batch in prefetched(split, torch.split(torch.arange(9), 4), CPU):
        yield from (batch.tokens, batch.lengths, batch.index, batch.rows)
    yield len(list(prefetched(split, [], CPU)))


@case("corpus.words.TextNumbering.text")
def words_of_texts():
    texts = [
        "",
        "\n",
        "the cat\n\n the  incomprehensibilities\u2028ab\u00e9 the\r\n",
        "cat dog\x85dog abcdefgh abcdefgi",
        "x" * 40 + "\n\n",
        "a\nb c " + "x" * 1_001 + " d e\n" + "f " * 300_000 + "\ng " + "y" * 600_000 + " h " + "i " * 300_000,
    ]
    numbering = TextNumbering()
    for text in texts * 2:
        words = numbering.text(text.encode(), 4)
        yield torch.tensor([words.long.count, words.long.line])
        yield " ".join(numbering.spellings[n] for n in words.types.tolist())
        yield torch.from_numpy(words.lengths)
    yield " ".join(sorted(numbering.spellings))


def gaussians(spread):
    mean = spread * numbers(30, 3, dtype=torch.float64)
    posterior = DiagonalGaussian(mean, numbers(30, 3, seed=1, dtype=torch.float64) - 1)
    return posterior, posterior.sample(numbers(1, 30, 3, seed=2, dtype=torch.float64))[0]


@case("metrics.columns.mi.against_all", within=1e-9)
def information():
    for spread in (0.0, 1.0, 100.0):
        mi = mutual_information(*gaussians(spread))
        yield from (mi.terms, mi.log_posterior)
    posterior, z = gaussians(1.0)
    yield mutual_information(posterior, z + 100).terms  # samples far from where their own density is


@case("model.posterior.DiagonalGaussian.pairwise_log_prob", within=1e-9)
def pairs_of_gaussians():
    posterior, z = gaussians(1.0)
    yield posterior.pairwise_log_prob(z[:7])


@case("model.posterior.PointMass.pairwise_log_prob")
def pairs_of_codes():
    for types in (1, 4, 30):  # all alike, some alike, each another
        codes = numbers(types, 3).double()[torch.arange(30) % types]
        yield PointMass(codes).pairwise_log_prob(codes[:7])


@case("model.posterior.DiagonalGaussian.batchwise_log_prob", within=1e-9)
def batches_of_gaussians():
    for spread in (0.0, 1.0, 100.0):
        posterior, z = gaussians(spread)
        for size in (1, len(z) // 2, len(z)):
            whole = len(z) // size * size
            yield posterior.map(lambda t, end=whole: t[:end]).batchwise_log_prob(z[:whole], size)


@case("model.von_mises_fisher.VonMisesFisher.pairwise_log_prob", within=1e-9)
def pairs_on_the_sphere():
    mean = numbers(30, 3, dtype=torch.float64)
    yield VonMisesFisher(mean, Concentration(5.0, 3, torch.empty(0))).pairwise_log_prob(
        nn.functional.normalize(mean[:7])
    )


@case("model.spherical_power.PowerSphericalPosterior.pairwise_log_prob", within=1e-9)
def power_spherical_densities():
    mean = nn.functional.normalize(numbers(5, 3).double(), dim=-1)
    yield PowerSphericalPosterior(mean, Concentration(5.0, 3, torch.empty(0))).pairwise_log_prob(
        nn.functional.normalize(numbers(7, 3).double(), dim=-1)
    )


@case("model.categorical.CategoricalPosterior.pairwise_log_prob", within=1e-9)
def categorical_densities():
    log_probs = numbers(5, 2, 3).double().log_softmax(-1).flatten(1)
    codes = nn.functional.one_hot(torch.arange(14).view(7, 2) % 3, 3).double().flatten(1)
    yield CategoricalPosterior(log_probs.exp(), log_probs, Classes(2, 3, 1.0)).pairwise_log_prob(codes)


@case("model.flow.FlowPosterior.pairwise_log_prob", within=1e-9)
def pairs_of_a_flow():
    torch.manual_seed(0)
    flow, mean, logvar = Flow(3, 2, 5).double(), numbers(30, 3).double(), numbers(30, 3).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    yield FlowPosterior(mean, mean, logvar, flow).pairwise_log_prob(numbers(7, 3).double())


@case("model.mixture.MixtureOfGaussians.component_log_prob")
def components_of_a_mixture():
    torch.manual_seed(0)
    mixture = MixtureOfGaussians(3, 5)
    z = numbers(2, 7, 3).requires_grad_()
    log_prob = mixture.component_log_prob(z)
    yield log_prob
    yield from torch.autograd.grad(log_prob.logsumexp(-1).sum(), [z, mixture.mean, mixture.logvar])


@case("model.decoding.steps_of")
def states_step_by_step():
    for method, size in (("vanilla", 4), ("lm", 0), ("skip", 4)):
        steps = steps_of(tiny_model(method).eval().decoder, numbers(5, size))
        with torch.no_grad():
            for words in (torch.full((5,), BOS), torch.arange(4, 8), torch.arange(5, 9)):
                yield steps.hidden(words)
                steps.pick(torch.tensor([3, 0, 0, 2]))


@case("metrics.inference.sampled_nll", within=0.01)
def sentences_under_many_codes():
    model = make_method("vanilla").build(tiny_shape(4, vocabulary_size=5_000, init_range=0.7), 0).eval()
    batch = tiny_batch(split=tiny_split(4, vocabulary_size=5_000))
    auto = scoring_precision("auto", model, CPU)
    with torch.no_grad():
        yield inference.sampled_nll(model, numbers(40, 4, 4, dtype=torch.float64), batch, auto)  # which share words
    with torch.no_grad():
        yield inference.sampled_nll(model, numbers(2, 4, 4, dtype=torch.float64), batch)
