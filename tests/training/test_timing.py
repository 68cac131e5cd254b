"""What a run will cost is measured on its own updates, however few an epoch has."""

import torch

from vaecli.config import build_config
from vaecli.corpus.load import load_corpus
from vaecli.training.timing import measured_pace, seconds_per_epoch


def test_an_epoch_of_one_update_takes_time():
    groups = {
        "corpus": {"train_size": 12, "valid_size": 8, "test_size": 8},
        "model": {"embedding_size": 4, "encoder_size": 4, "decoder_size": 4, "latent_size": 2},
        "training": {"batch_size": 16},
        "evaluation": {"iw_samples": 2},
    }
    config = build_config(groups)
    corpus = load_corpus(config.corpus)
    before = torch.get_rng_state()
    assert seconds_per_epoch(config, corpus)[1] > 0
    assert measured_pace(config, corpus).epoch > 0
    assert torch.equal(before, torch.get_rng_state())
