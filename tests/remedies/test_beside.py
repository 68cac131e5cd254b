"""What a remedy says of itself beside another: refusals that follow from hyper-parameters, and laws that don't hold."""

from contextlib import suppress
from itertools import combinations
from typing import ClassVar

import pytest
import torch
from support import make_terms

from vaecli.core.errors import DivergedError, UsageError
from vaecli.model.mixture import MixtureOfGaussians
from vaecli.model.posterior import DiagonalGaussian
from vaecli.remedies import make_method, method_names, remedy_class
from vaecli.remedies.beta import Beta
from vaecli.remedies.core.compose import compose
from vaecli.remedies.core.parts import Part, refusal
from vaecli.remedies.mu_forcing import spread
from vaecli.settings.resolve import load_settings
from vaecli.testing.changes import session_of
from vaecli.testing.tiny import tiny_batch

OTHERS = [name for name in method_names() if name != "vanilla"]
FLOORS = ("bn", "bn_scale", "delta", "du", "mu_forcing")
LEARNED = ("mog", "vamp", "flow_prior")
WIDTHS = (3.0, 1.0, 8.0)
"""Of the weights that a tiny model starts with: a KL below a floor moves nothing, and one far above may diverge."""


def untrained(*remedies):
    """The parameters that no stage of a training of these remedies together moves, whatever it starts from."""
    left = {name for name, _ in session_of(*remedies).model.named_parameters()}
    for width in WIDTHS:
        if left:
            with suppress(DivergedError):
                left -= moved(session_of(*remedies, init_range=width))
    return sorted(left)


def moved(session):
    """The parameters that differ after two updates of each stage from what they were before them."""
    names = set()
    torch.manual_seed(3)
    for number, phase in enumerate(session.method.phases()):
        if phase.start is not None:
            phase.start(session.model, number)
        session.begin(phase, 4)
        before = {name: value.detach().clone() for name, value in session.model.named_parameters()}
        for _ in range(2):
            session.model.train()
            session.step(tiny_batch(4))
            session.clock = session.clock.advance()
        names |= {name for name, value in session.model.named_parameters() if not torch.equal(value, before[name])}
    return names


def pairs():
    """All pairs; those with a learned mixture and with a codebook here, and the rest in the slow tests."""
    shown = {"mog", "vq"}
    all_pairs = combinations(OTHERS, 2)
    return [pytest.param(a, b, marks=[] if {a, b} & shown else [pytest.mark.slow]) for a, b in all_pairs]


@pytest.mark.parametrize(("first", "second"), pairs())
def test_a_pair_trains_all_its_parameters_or_says_so(first, second):
    try:
        method = make_method(f"{first}+{second}")
    except UsageError:
        return  # refused with both names, as tests of compositions check
    left = untrained(*method.remedies)
    assert not left or list(method.notes()), left


@pytest.mark.parametrize(
    ("method", "hyper", "why", "way"),
    [
        (
            "critic+vq",
            {},
            "trains by log q(z|x) alone, and that of 'vq' has no gradient",
            {"critic": {"form": "neural"}},
        ),
        ("info_js+mog", {}, "p(z) isn't in the loss of 'info_js'", {"info_js": {"alpha": 0.9}}),
        ("info_js+vamp", {}, "p(z) isn't in the loss of 'info_js'", {"info_js": {"alpha": 0.9}}),
        ("beta+mog", {"beta": {"beta": 0.0}}, "p(z) isn't in the loss of 'beta'", {"beta": {"beta": 0.1}}),
        ("beta_tc+mog", {"beta_tc": {"dimension": 0.0}}, "p(z) isn't in the loss of 'beta_tc'", {}),
        ("mog+wae", {"wae": {"scaling": 0.0}}, "p(z) isn't in the loss of 'wae'", {}),
    ],
)
def test_what_would_train_nothing_is_refused_with_both_names_and_goes_at_other_values(method, hyper, why, way):
    first, second = method.split("+")
    with pytest.raises(UsageError) as caught:
        make_method(method, hyper)
    assert str(caught.value).startswith(f"'{first}' and '{second}' can't be composed: ")
    assert why in str(caught.value)
    remedies = make_method(method, way).remedies
    assert [name for name in untrained(*remedies) if "logits" not in name] == []


def test_what_is_refused_would_leave_its_prior_as_it_began(monkeypatch):
    monkeypatch.setattr("vaecli.remedies.core.compose.refused", lambda one, other: None)
    assert untrained(*make_method("info_js+mog").remedies) == ["prior.logits", "prior.logvar", "prior.mean"]


@pytest.mark.parametrize("other", ["wae", "wae_s", "ivae"])
def test_weights_that_only_choose_samples_are_said_to_stay(other):
    method = make_method(f"mog+{other}")
    assert untrained(*method.remedies) == ["prior.logits"]
    assert list(method.notes()) == [
        f"the weights of the mixture of 'mog' stay 1 / K: '{other}' sees samples of it alone"
    ]


@pytest.mark.parametrize("name", FLOORS)
def test_a_floor_to_the_standard_normal_is_told_beside_every_other_prior(name):
    kind, told = remedy_class(name), []
    for other in OTHERS:
        if Part.PRIOR in remedy_class(other).owns and refusal(kind, remedy_class(other)) is None:
            notes = list(compose([kind(), remedy_class(other)()]).notes())
            assert (
                f"the floor of '{name}' is one of the KL to N(0, I); the KL to the prior of '{other}' may fall below it"
                in notes
            )
            told.append(other)
    assert set(LEARNED) <= set(told)
    assert list(make_method(f"linear_anneal+{name}").notes()) == []


@torch.no_grad()
def test_a_learned_prior_meets_posteriors_that_a_floor_keeps_from_the_standard_normal():
    """By hand: where all posteriors are N(c, s^2), so is a mixture of one, and the KL of delta or more is 0."""
    posterior = DiagonalGaussian(torch.full((4, 3), 1.5), torch.full((4, 3), -0.5))
    prior = MixtureOfGaussians(3, 1)
    prior.mean.fill_(1.5)
    prior.logvar.fill_(-0.5)
    z = posterior.sample(torch.randn(100, 4, 3))
    assert (posterior.log_prob(z) - prior.log_prob(z)).abs().max() < 1e-5
    assert make_terms(posterior=posterior).kl.sum(1).min() > 3


@torch.no_grad()
def test_a_wide_learned_prior_lets_spread_means_cost_nothing():
    """By hand: means of variance g^2 beside variances of S give a KL of log(1 + g^2 / S) / 2 to N(0, S + g^2)."""
    mean = torch.tensor([[-0.6], [0.6]])
    for size in (1.0, 100.0):
        prior = MixtureOfGaussians(1, 1)
        prior.mean.zero_()
        variance = torch.tensor(size + 0.36)
        prior.logvar.fill_(variance.log())
        kl = 0.5 * (variance.log() - torch.tensor(size).log() + (size + mean.square()) / variance - 1)
        assert kl.mean().item() == pytest.approx(0.5 * torch.log1p(torch.tensor(0.36 / size)).item(), abs=1e-6)
    assert spread(mean) == pytest.approx(0.18), "which is the floor of bn in a dimension"
    assert kl.mean() < 0.01


def test_notes_reach_whoever_trains_and_whoever_asks():
    told = "bn+mog: the floor of 'bn' is one of the KL to N(0, I); the KL to the prior of 'mog' may fall below it"
    assert told in load_settings(methods=["bn+mog", "bn"]).notes
    assert not any("floor" in note for note in load_settings(methods=["bn", "mog"]).notes)
    weighed = "beta+vmf: 'beta' changes nothing that is learned: training can't move the KL of 'vmf'"
    assert weighed in load_settings(methods=["beta+vmf"]).notes


def test_what_is_no_text_is_laid_to_its_remedy():
    class Mute(Beta):
        """It forgets to return."""

        name: ClassVar[str] = "mute"

        def refuses(self, other):
            return None

    class Numbered(Beta):
        """It gives a number."""

        name: ClassVar[str] = "numbered"

        def beside(self, other):
            return 3

    with pytest.raises(UsageError, match="'mute': `refuses` gives NoneType and has to return str"):
        compose([Mute(), remedy_class("bn")()])
    with pytest.raises(UsageError, match="'numbered': `beside` gives int and has to return str"):
        list(compose([Numbered(), remedy_class("bn")()]).notes())
