import json
import math
from statistics import NormalDist, fmean, stdev
from types import SimpleNamespace

import pytest
import torch
from metrics.blocks import block_input
from metrics.toys import CPU, linear_gaussian
from support import tiny_model, tiny_split

from vaecli.config import RunConfig
from vaecli.core.errors import UsageError
from vaecli.metrics.columns.elbo import elbo_terms
from vaecli.metrics.extras.game.equilibrium import conclusion, equilibria, gains
from vaecli.metrics.extras.game.payoff import (
    LOOSE,
    PRIOR_SAMPLES,
    measure,
    payoff_block,
    payoffs_of,
    plain_cells,
    rated_remedies,
)
from vaecli.metrics.extras.game.rate import final_weight
from vaecli.metrics.measure import evaluate
from vaecli.metrics.noise import sentence_noise
from vaecli.model.posterior import DiagonalGaussian
from vaecli.remedies import REMEDIES, remedy_class
from vaecli.remedies.core.game import CELLS, Game, GameMeasures
from vaecli.remedies.mi_constraint import MIConstraint
from vaecli.remedies.slvae import label_cells

NUMBERS = [0.1 * n - 2 for n in range(40)]
SLOPE, SCALE = 0.8, 0.6


def measured(model, split, **options):
    """What a remedy is told of a model."""
    block = block_input(model, split, **options)
    terms = elbo_terms(model, block.scoring)
    return measure(block, terms, terms.posterior, terms.z)[0]


def cells_of(*values):
    """A game of the given payoffs, the same for three sentences but for noise of a thousandth."""
    noise = torch.tensor([-1e-3, 0, 1e-3], dtype=torch.float64)
    return {cell: v + k * noise for k, (cell, v) in enumerate(zip(CELLS, values, strict=True))}


def test_the_four_cells_by_hand():
    """Every cell of a linear Gaussian from its definition in plain Python."""
    model, split = linear_gaussian(NUMBERS, SLOPE, SCALE)
    cells = payoff_block(block_input(model, split, seed=3, iw_samples=6)).details["plain"]
    prior = NormalDist()
    q = [NormalDist(SLOPE * x, SCALE) for x in NUMBERS]
    draws = sentence_noise(3, "iw", torch.arange(40), 6, 1)[:, :, 0].tolist()
    log_p = []
    for i, x in enumerate(NUMBERS):
        codes = [SLOPE * x + SCALE * row[i] for row in draws]
        log_p.append(math.log(fmean(NormalDist(c).pdf(x) * prior.pdf(c) / q[i].pdf(c) for c in codes)))
    noise = sentence_noise(3, "rec", torch.arange(40), 1, 1).flatten().tolist()
    z = [SLOPE * x + SCALE * e for x, e in zip(NUMBERS, noise, strict=True)]
    marginal = [math.log(fmean(other.pdf(v) for other in q) / prior.pdf(v)) for v in z]
    codes = sentence_noise(3, "payoff", torch.arange(40), PRIOR_SAMPLES, 1)[:, :, 0].T.tolist()
    from_prior = [fmean(math.log(NormalDist(c).pdf(x)) for c in row) for x, row in zip(NUMBERS, codes, strict=True)]
    kl = [0.5 * ((SLOPE * x) ** 2 + SCALE**2 - 2 * math.log(SCALE) - 1) for x in NUMBERS]
    elbo = [math.log(NormalDist(v).pdf(x)) - k for x, v, k in zip(NUMBERS, z, kl, strict=True)]
    expected = {
        "independent_equal": log_p,
        "independent_different": [a - b for a, b in zip(log_p, marginal, strict=True)],
        "dependent_equal": from_prior,
        "dependent_different": elbo,
    }
    for name, values in expected.items():
        assert cells[name]["payoff"] == pytest.approx(fmean(values), abs=1e-9), name
        assert cells[name]["se"] == pytest.approx(stdev(values) / math.sqrt(40), abs=1e-9), name


def test_the_cells_are_the_columns():
    model, split = tiny_model(init_range=1.0), tiny_split(30)
    block = block_input(model, split, iw_samples=7, seed=2)
    cells = payoff_block(block).details["plain"]
    values = evaluate(model, split, block.config, seed=2, device=CPU).values
    assert cells["independent_equal"]["payoff"] == pytest.approx(-values["iw_nll"])
    assert cells["independent_different"]["payoff"] == pytest.approx(-values["iw_nll"] - values["marginal_kl"])
    assert cells["dependent_different"]["payoff"] == pytest.approx(-values["neg_elbo"])


def test_jensen_makes_collapse_an_equilibrium_of_the_plain_game():
    # log p(x) = log N(x; 0, 2) against E_p(z)[log N(x; z, 1)] = -log(2 pi) / 2 - (x^2 + 1) / 2
    model, split = linear_gaussian(NUMBERS, SLOPE, SCALE)
    game = payoff_block(block_input(model, split))
    square = fmean(x * x for x in NUMBERS)
    jensen = -0.5 * math.log(4 * math.pi) - square / 4 - (-0.5 * math.log(2 * math.pi) - (square + 1) / 2)
    gain = game.details["gains"][0]
    assert (gain["from"], gain["to"]) == (["independent", "equal"], ["dependent", "equal"])
    assert abs(gain["gain"] + jensen) < 4 * gain["se"]
    assert gain["gain"] < 0
    assert ["independent", "equal"] in game.details["equilibria"]
    assert "(collapse)" in game.lines[-1]
    json.dumps(game.details)


def test_a_language_model_gives_log_p_where_there_is_one():
    model, reference, split = tiny_model(init_range=1.0), tiny_model("lm", init_range=1.0), tiny_split(30)
    game = payoff_block(block_input(model, split, reference=reference))
    rec = evaluate(reference, split, block_input(model, split).config, seed=0, device=CPU).values["rec"]
    assert game.details["plain"]["independent_equal"]["payoff"] == pytest.approx(-rec)
    assert "language model" in game.details["log_p"]
    without = payoff_block(block_input(model, split, iw_samples=0))
    assert "50 samples; no lm run was named" in without.details["log_p"]


def test_a_bound_too_loose_for_the_table_is_named():
    # q = N(x, 1/400), far narrower than N(x/2, 1/2): one sample gives about -log N(0; 0, 1/400) + log N(x) a sentence
    model, split = linear_gaussian(NUMBERS, 1.0, 0.05)
    loose = payoff_block(block_input(model, split, iw_samples=1))
    assert LOOSE in loose.lines
    model, split = linear_gaussian(NUMBERS)
    tight = payoff_block(block_input(model, split, iw_samples=1))
    assert LOOSE not in tight.lines


# payoffs in the order (independent, equal), (independent, different), (dependent, equal), (dependent, different)
@pytest.mark.parametrize(
    ("payoffs", "expected"),
    [
        ((0.0, -1.0, -1.0, -2.0), [CELLS[0]]),
        ((-5.0, -6.0, -1.0, -2.0), [CELLS[2]]),
        ((0.0, -3.0, -3.0, -1.0), [CELLS[0], CELLS[3]]),  # two corners that nobody leaves alone
        ((-2.0, -1.0, -3.0, -1.5), [CELLS[1]]),
        ((-2.0, -1.0, -1.0, -3.0), [CELLS[1], CELLS[2]]),
    ],
)
def test_equilibria_of_games_worked_by_hand(payoffs, expected):
    assert equilibria(cells_of(*payoffs)) == expected


def test_a_game_without_differences_has_all_corners_and_none_for_sure():
    cells = cells_of(0.0, 0.0, 0.0, 0.0)
    assert equilibria(cells) == list(CELLS)
    line = conclusion(Game(cells, ("no", "yes"), ()))
    assert "equilibria are" in line
    assert line.count("(no, q(z|x) = p(z))") == 2  # among the equilibria, and among those that the noise could undo
    near = conclusion(Game(cells_of(0.0, 1e-4, -1.0, -2.0), ("no", "yes"), ()))
    assert "is (no, q(z|x) != p(z));" in near  # a ten-thousandth ahead of the first cell, at an error of about 6e-4
    assert near.count("(no, q(z|x) = p(z))") == 1
    sure = conclusion(Game(cells_of(0.0, -1.0, -1.0, -2.0), ("no", "yes"), ()))
    assert sure == "the pure Nash equilibrium is (no, q(z|x) = p(z)) (collapse)"


def test_gains_are_those_of_one_player_alone():
    moves = {(start, end): float(gain.mean()) for start, end, gain in gains(cells_of(0.0, -1.0, -3.0, -7.0))}
    assert len(moves) == 8
    assert moves[CELLS[0], CELLS[2]] == pytest.approx(-3)
    assert moves[CELLS[3], CELLS[1]] == pytest.approx(6)
    assert (CELLS[0], CELLS[3]) not in moves


def test_self_labelling_adds_the_same_to_both_cells_of_the_prior():
    """-lambda E||z - g||^2 with g = 1: the prior gives (z - 1)^2 at its codes, q closed forms."""
    model, split = linear_gaussian(NUMBERS, SLOPE, SCALE)
    m = measured(model, split)
    plain = plain_cells(m)
    cells = label_cells(plain, measured(model, split), torch.ones(40, 1, dtype=torch.float64), 2.0)
    added = {cell: (cells[cell] - plain[cell]).tolist() for cell in CELLS}
    assert added[CELLS[0]] == pytest.approx(added[CELLS[2]])
    prior = [2 * fmean((c - 1) ** 2 for c in row) for row in m.prior_codes[:, :, 0].T.tolist()]
    assert added[CELLS[0]] == pytest.approx([-v for v in prior])
    own = [-2 * ((SLOPE * x - 1) ** 2 + SCALE**2) for x in NUMBERS]
    assert added[CELLS[3]] == pytest.approx(own)
    # z of any sentence's posterior: the mean of the same over all sentences
    assert added[CELLS[1]] == pytest.approx([fmean(own)] * 40)


def test_self_labelling_may_move_the_posterior_out_of_collapse():
    """The numbers of docs/collapse_game.md: g = 0 and q = N(0, 1/3) for every sentence, at lambda = 1."""
    variance = 1 / 3
    kl = 0.5 * (variance - 1 - math.log(variance))  # 0.2160
    ones = torch.ones(3, 1, dtype=torch.float64)
    measures = SimpleNamespace(
        posterior=DiagonalGaussian(0 * ones, math.log(variance) * ones),
        z=0 * ones,
        prior_codes=torch.stack([ones, -ones]),  # of second moment 1, as the prior's
    )
    plain = dict(
        zip(CELLS, (torch.full((3,), v, dtype=torch.float64) for v in (-50.0, -50 - kl, -52, -60)), strict=True)
    )
    cells = label_cells(plain, measures, 0 * ones, 1.0)
    moves = {(start, end): float(gain.mean()) for start, end, gain in gains(cells)}
    assert moves[CELLS[0], CELLS[1]] == pytest.approx(2 / 3 - kl)
    assert CELLS[0] not in equilibria(cells)


def test_distances_to_labels_by_hand():
    # codes (1, 0) and (4, 1) of the prior, label (2, 0): (1 + 5) / 2 = 3; q = N((3, 1), I): 2 + 2 = 4; times -3
    measures = SimpleNamespace(
        posterior=DiagonalGaussian(torch.tensor([[3.0, 1.0]]), torch.zeros(1, 2)),
        z=torch.zeros(1, 2),
        prior_codes=torch.tensor([[[1.0, 0.0]], [[4.0, 1.0]]]),
    )
    cells = label_cells(dict.fromkeys(CELLS, torch.zeros(1)), measures, torch.tensor([[2.0, 0.0]]), 3.0)
    assert [cells[cell].item() for cell in CELLS] == pytest.approx([-9.0, -12.0, -9.0, -12.0])


def test_self_labelling_adds_the_same_wherever_z_is_of_the_prior():
    game = payoff_block(block_input(tiny_model("slvae", init_range=1.0), tiny_split(40), method="slvae"))
    own, plain = game.details["own"], game.details["plain"]
    added = [own[name]["payoff"] - plain[name]["payoff"] for name in ("independent_equal", "dependent_equal")]
    assert added[0] == pytest.approx(added[1])
    assert added[0] < -1  # ||g||^2 + 4 dimensions of variance 1, times -1
    assert any("E||z - g(x)||^2" in line for line in game.lines)


def one_cell_values(kl, log_p=-50.0, prior=-52.0, rec=45.0):
    """What three like sentences would have measured."""
    full = {name: torch.full((3,), value, dtype=torch.float64) for name, value in locals().items()}
    nothing = torch.zeros(3)
    return GameMeasures(
        full["log_p"],
        full["prior"],
        torch.zeros(1, 3, 1),
        full["rec"],
        full["kl"].unsqueeze(1),
        nothing,
        nothing,
        posterior=None,
        z=nothing,
        kl_weight=1.0,
        aux={},
        map_features=None,
    )


def test_cells_of_the_constraint_by_hand():
    """c = 5, lambda = 2, beta = 1, KL = 3, log p(x) = -50, E_p = -52, rec = 45.

    ELBO = -45 - 3 = -48. Below c: -52 + 50 - 2 * 5 = -12 and -48 + 50 - 2 * (5 - 3) = -2; from c on -2 and 2.
    """
    cells = MIConstraint().cells(one_cell_values(3.0))
    assert [float(cells[cell].mean()) for cell in CELLS] == pytest.approx([-12, -2, -2, 2])
    # conditions (5) and (6) of the argument: -2 > -10, and 2 * 3 - 2 * 5 < 0
    # with beta = 2 another 3 nats of KL; a KL of 8 is above c, where the hinge costs nothing: -45 - 8 + 50 = -3
    cells = MIConstraint(beta=2).cells(one_cell_values(3.0))
    assert [float(cells[cell].mean()) for cell in CELLS] == pytest.approx([-12, -5, -2, -1])
    cells = MIConstraint().cells(one_cell_values(8.0))
    assert [float(cells[cell].mean()) for cell in CELLS] == pytest.approx([-12, -3, -2, -3])


def test_the_constraint_looks_at_the_information_its_remedy_looks_at():
    model, split = linear_gaussian(NUMBERS, SLOPE, SCALE)
    m = measured(model, split)
    cells = MIConstraint(mi="aggregate", minimum=1.5, multiplier=3.0).cells(measured(model, split))
    lost = float((cells["dependent", "different"] - cells["independent", "different"]).mean())
    assert lost == pytest.approx(3 * (1.5 - m.information.mean()))
    assert lost != pytest.approx(3 * (1.5 - float(m.kl.mean())))


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("bow", "what bow adds"),
        ("bn+bow", "what bow adds"),
        ("mi_constraint", "in the row I(x, z) < 5"),
        ("mi_constraint+slvae", "each have a table of their own"),
    ],
)
def test_other_methods_say_what_their_table_is(method, said):
    game = payoff_block(block_input(tiny_model(method), tiny_split(20), method=method))
    assert any(said in line for line in game.lines)
    same = game.details["own"] == game.details["plain"]
    assert same == (method != "mi_constraint")


def own_cells(method, hyper):
    """The payoffs of the plain and of the own game of a method on one linear Gaussian, in the order of CELLS."""
    model, split = linear_gaussian(NUMBERS, SLOPE, SCALE)
    game = payoff_block(block_input(model, split, method=method, hyper=hyper, iw_samples=20))
    names = [f"{row}_{column}" for row, column in CELLS]
    return *([game.details[key][name]["payoff"] for name in names] for key in ("plain", "own")), game


def test_a_weight_multiplies_the_kl_of_every_cell():
    """beta = 0.25: 0.75 of the KL comes back in the right-hand column, nothing in the left one."""
    plain, own, game = own_cells("beta", {"beta": {"beta": 0.25}})
    m = measured(*linear_gaussian(NUMBERS, SLOPE, SCALE))
    back = [0.0, 0.75 * float(m.marginal.mean()), 0.0, 0.75 * float(m.kl.mean())]
    assert own == pytest.approx([p + b for p, b in zip(plain, back, strict=True)])
    assert any("beta trains on it, with the weight 0.25" in line for line in game.lines)


def test_annealing_is_the_plain_game_at_its_end():
    plain, own, _ = own_cells("linear_anneal", {})
    assert own == pytest.approx(plain)


def test_the_weight_is_that_at_the_end_of_the_last_stage():
    """Of 10 epochs the second stage has 5, of 2 updates each; the last begins after 9 of the warm-up's 10."""
    hyper = {"linear_anneal": {"epochs": 8.0, "share": 1.0}}
    model, split = linear_gaussian(NUMBERS, SLOPE, SCALE)
    weights = {}
    for method in ("linear_anneal", "ae_pretrain+linear_anneal"):
        recipe = RunConfig(method=method, hyper=hyper, training={"epochs": 10, "batch_size": 32})
        block = block_input(model, split, method=method, hyper=hyper, recipe=recipe)
        weights[method] = final_weight(block, rated_remedies(block))
    assert weights == {"linear_anneal": 1.0, "ae_pretrain+linear_anneal": pytest.approx(9 / 10)}


def test_free_bits_charge_every_cell_at_least_the_target():
    """max(t, KL) with t = 5, above the KL of every cell: all pay 5."""
    plain, own, game = own_cells("free_bits", {"free_bits": {"mode": "batch", "target": 5.0}})
    m = measured(*linear_gaussian(NUMBERS, SLOPE, SCALE))
    kls = [0.0, float(m.marginal.mean()), 0.0, float(m.kl.mean())]
    assert max(kls) < 5
    assert own == pytest.approx([p + k - 5 for p, k in zip(plain, kls, strict=True)])
    assert not any("left out" in line for line in game.lines)


def test_a_weight_reaches_the_constraint():
    """The KL of the right-hand column of mi_constraint is weighed, its hinge isn't."""
    hyper = {"mi_constraint": {"minimum": 1.0, "multiplier": 3.0}}
    _, alone, _ = own_cells("mi_constraint", hyper)
    _, both, _ = own_cells("beta+mi_constraint", {**hyper, "beta": {"beta": 0.5}})
    kl = float(measured(*linear_gaussian(NUMBERS, SLOPE, SCALE)).kl.mean())
    assert both == pytest.approx([alone[0], alone[1] + 0.5 * kl, alone[2], alone[3] + 0.5 * kl])


@pytest.mark.parametrize("name", [name for name in REMEDIES if remedy_class(name).rate_only])
def test_methods_of_the_rate_have_cells_of_their_own(name):
    game = payoff_block(block_input(tiny_model(name, init_range=1.0), tiny_split(20), method=name))
    assert any(f"as {name} trains on it" in line for line in game.lines)
    assert not any("left out" in line for line in game.lines)
    assert all(math.isfinite(cell["payoff"]) for cell in game.details["own"].values())


@pytest.mark.parametrize("method", ["bn", "skip", "pooling", "lagging"])
def test_methods_that_leave_the_objective_alone_have_the_plain_table(method):
    game = payoff_block(block_input(tiny_model(method), tiny_split(20), method=method))
    assert game.details["own"] == game.details["plain"]
    assert not any("left out" in line for line in game.lines)


@pytest.mark.parametrize("method", ["lm", "ae"])
def test_no_game_without_a_kl(method):
    game = payoff_block(block_input(tiny_model(method), tiny_split(4), method=method))
    assert game.values == {}
    assert "no game" in game.details["reason"]


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (None, "gives NoneType and has to return Game"),
        (
            Game({}, ("no", "yes"), ()),
            r"gives the cell \('independent', 'equal'\) as NoneType, where a tensor \(N,\) has",
        ),
        (
            Game({cell: torch.zeros(()) for cell in CELLS}, ("no", "yes"), ()),
            r"gives .* of shape \(\), where .* 3 sentences",
        ),
    ],
)
def test_payoffs_that_are_no_table_are_laid_to_their_remedy(own, why):
    class Mine(MIConstraint):
        def payoffs(self, game, measures):
            return own

    with pytest.raises(UsageError, match=f"^'mi_constraint': `payoffs` {why}"):
        payoffs_of(Mine(), Game({}, ("no", "yes"), ()), one_cell_values(3.0))
