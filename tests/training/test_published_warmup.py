"""The annealing that He et al. (2019) and Kim et al. (2018) always use: what it does to the weight of the KL."""

import pytest
import torch
from training.test_resume import tiny_corpus

from vaecli.corpus.types import collate
from vaecli.remedies import make_method
from vaecli.settings.resolve import load_settings
from vaecli.training.build import build_model
from vaecli.training.session import TrainingSession

SIZES = ("embedding_size=4", "encoder_size=4", "decoder_size=4", "latent_size=2")
SETS = [*(f"model.{size}" for size in SIZES), "training.device=cpu"]
CHEAP = {"lagging": ["lagging.inner_updates=2"], "semi_amortized": ["semi_amortized.steps=2"]}
EPOCHS = {"lagging": 40, "semi_amortized": 12}
"""Of which the warm-up takes 10 of 100 and 10 of 30: four each."""


def weights(method, protocol, updates=9):
    """The weight of the KL in every loss of the first updates, those of inner loops included, by update."""
    told = {"training": {"protocol": protocol, "epochs": EPOCHS[method]}}
    config = load_settings(methods=[method], options=told, sets=[*SETS, *CHEAP[method], "training.batch_size=4"])
    config = config.config(method, 0)
    corpus, composed = tiny_corpus(), make_method(config.method, config.hyper)
    torch.manual_seed(0)
    model = build_model(composed, len(corpus.vocabulary), len(corpus.train), config)
    session = TrainingSession(model, composed, corpus, config, torch.device("cpu"))
    plain, seen, batches = session.loss, [], session.batches.epoch(0)

    def loss(batch):
        terms = plain(batch)
        seen[-1].append(float(terms.kl_weight))
        return terms

    session.loss = loss
    for number in range(updates):
        seen.append([])
        session.step(collate(corpus.train, batches[number % len(batches)]))
        session.clock = session.clock.advance()
    return seen, len(batches)


@pytest.mark.parametrize("method", ["lagging", "semi_amortized"])
def test_the_papers_warm_up_is_there_in_each_loss_of_the_first_updates(method):
    """A line from 0.1 to 1 over four epochs: after n of their S updates the weight is 0.1 + 0.9 n / S."""
    seen, steps = weights(method, "published")
    whole = 4 * steps
    assert whole > 9, "the warm-up isn't over within what is looked at"
    for update, kl_weights in enumerate(seen):
        assert kl_weights, "each update has a loss"
        assert kl_weights == pytest.approx([0.1 + 0.9 * update / whole] * len(kl_weights))
    assert method != "lagging" or len(seen[0]) == 3, "two of the inner loop and the decoder's"


@pytest.mark.parametrize("method", ["lagging", "semi_amortized"])
def test_under_the_shared_protocol_there_is_none(method):
    assert {weight for kl_weights in weights(method, "shared", updates=2)[0] for weight in kl_weights} == {1.0}
