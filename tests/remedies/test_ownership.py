"""Remedies that change, or declare, one thing more than they say are caught; those that are, are in test_contract."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from support import tiny_shape

from vaecli.core.errors import UsageError
from vaecli.model.convolution import ConvolutionalDecoder
from vaecli.model.encoder import Encoder
from vaecli.model.mixture import MixtureOfGaussians
from vaecli.model.posterior import DiagonalGaussian, PosteriorHead
from vaecli.model.vae import vanilla_parts
from vaecli.remedies import make_method, remedy_class
from vaecli.remedies.beta import Beta
from vaecli.remedies.bow import BOW
from vaecli.remedies.core.remedy import Need, Part, Phase
from vaecli.remedies.denoising import Corruption
from vaecli.remedies.historyless import HiddenWords
from vaecli.remedies.word_dropout import UnknownWords
from vaecli.testing.changes import after_updates, changes, session_of, snapshot, takes, unchanged


class ShiftedEncoder(Encoder):
    def __init__(self, wrapped):
        super().__init__()
        self.wrapped, self.feature_size = wrapped, wrapped.feature_size

    def forward(self, batch):
        encoding = self.wrapped(batch)
        return replace(encoding, features=encoding.features + 1)


class BoundedHead(PosteriorHead):
    """Its bound is out of reach at the start."""

    def __init__(self, wrapped):
        super().__init__()
        self.wrapped = wrapped

    def forward(self, encoding):
        q = self.wrapped(encoding)
        return replace(q, logvar=q.logvar.clamp(max=20))


def convolution(parts):
    m = parts.shape.model
    return ConvolutionalDecoder(12, m.embedding_size, m.decoder_size, m.latent_size, (1, 2))


def hide_words(parts):
    """In place: the mutation that `build` must not make."""
    old = parts.decoder.embedding
    parts.decoder.embedding = HiddenWords(old.num_embeddings, old.embedding_dim, padding_idx=old.padding_idx)
    return replace(parts)


BUILDS = {
    Part.ENCODER_INPUT: lambda parts: replace(parts, encoder_noise=Corruption(0.5, 0.5)),
    Part.ENCODER: lambda parts: replace(parts, encoder=ShiftedEncoder(parts.encoder)),
    Part.POSTERIOR: lambda parts: replace(parts, head=BoundedHead(parts.head)),
    Part.PRIOR: lambda parts: replace(parts, prior=MixtureOfGaussians(4, 2)),
    Part.DECODER: lambda parts: replace(parts, decoder=convolution(parts)),
    Part.DECODER_INPUT: lambda parts: replace(parts, input_noise=UnknownWords(0.5)),
}
OBJECTIVES = {
    Part.KL: lambda terms: replace(terms, kl=terms.kl.detach()),  # of equal value
    Part.KL_WEIGHT: lambda terms: replace(terms, kl_weight=1.0),
    Part.TERM: lambda terms: terms.add(torch.tensor(0.25)),
}


def changing(base, part):
    """A remedy like `base` that changes `part` as well; it declares what `base` does."""

    class More(base):
        def build(self, parts):
            return BUILDS.get(part, lambda same: same)(super().build(parts))

        def objective(self, terms, clock):
            return OBJECTIVES.get(part, lambda same: same)(super().objective(terms, clock))

        def infer(self, posterior, bound):
            if part is not Part.INFERENCE:
                return posterior
            return DiagonalGaussian(posterior.mean + 1, posterior.logvar)

        def wrap_step(self, step, session):
            def twice(batch):
                step(batch)
                return step(batch)

            return twice if part is Part.STEP else step

        def phases(self):
            return (Phase("a", 0.5), Phase("b", 0.5)) if part is Part.PHASES else (Phase(),)

    return More


@pytest.mark.parametrize("base", [Beta, BOW])
@pytest.mark.parametrize("part", Part)
def test_a_remedy_that_changes_one_thing_more_fails_the_contract_until_it_says_so(base, part):
    more = changing(base, part)
    assert changes(more()) == base.owns | {part}
    assert (changes(more()) == more.owns) == (part in base.owns)


@pytest.mark.parametrize("part", sorted(set(Part) - Beta.owns))
def test_a_remedy_that_declares_one_thing_more_fails_the_contract(part):
    class Boasts(Beta):
        owns: ClassVar[frozenset[Part]] = Beta.owns | {part}

    assert changes(Boasts()) == Beta.owns != Boasts.owns


def test_a_remedy_that_declares_to_take_away_one_thing_more_fails_the_contract():
    assert takes(Beta()) == set()
    assert takes(remedy_class("vmf")()) == {Need.GAUSSIAN, Need.MOVABLE_KL}
    assert takes(remedy_class("bn")()) == {Need.MOVABLE_SPREAD}


def test_a_build_that_changes_its_input_is_caught():
    parts = vanilla_parts(tiny_shape())
    before = snapshot(parts)
    assert unchanged(before, snapshot(parts))
    hide_words(parts)
    assert not unchanged(before, snapshot(parts))
    before = snapshot(parts)
    with torch.no_grad():
        parts.decoder.output.weight[0, 0] += 1
    assert not unchanged(before, snapshot(parts))
    before = snapshot(parts)
    parts.encoder.feature_size += 1
    assert not unchanged(before, snapshot(parts))


@pytest.mark.parametrize("other", ["info_js", "mdr"])
def test_two_that_add_to_the_step_both_act_after_an_update(other):
    session = session_of(remedy_class("du")(), remedy_class(other)())
    before = [p.clone() for p in session.model.aux[other].parameters()]
    after_updates(session, session.step, 1)
    assert bool(session.model.head.dropout.on)
    assert not all(torch.equal(a, b) for a, b in zip(before, session.model.aux[other].parameters(), strict=True))


@pytest.mark.parametrize("name", ["du", "info_js", "mdr"])
def test_who_acts_after_every_update_is_refused_beside_who_makes_updates_of_its_own(name):
    with pytest.raises(UsageError, match=f"'{name}' needs every update to be a plain one, which 'lagging' takes away"):
        make_method(f"lagging+{name}")
