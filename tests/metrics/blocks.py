"""`BlockInput` for tests."""

from dataclasses import fields

import torch
from support import VOCABULARY_SIZE

from vaecli.config import EvaluationConfig
from vaecli.corpus.types import Corpus
from vaecli.corpus.vocabulary import WordVocabulary
from vaecli.metrics.extras.registry import BlockInput
from vaecli.metrics.scoring import Scoring
from vaecli.remedies import make_method


def block_input(model, split, *, train=None, method="vanilla", hyper=None, seed=0, **options):
    """Measures `model` on `split`; `options` go to `BlockInput` where it has them, else to `EvaluationConfig`."""
    words = [f"w{n}" for n in range(VOCABULARY_SIZE - 4)]
    corpus = Corpus("toy", WordVocabulary(words), train or split, split, split, "fingerprint")
    own = {field.name for field in fields(BlockInput)}
    settings = {name: options.pop(name) for name in list(options) if name not in own}
    config = EvaluationConfig(**settings)
    return BlockInput(
        model=model,
        corpus=corpus,
        scoring=Scoring.exact(split, config, seed, torch.device("cpu")),
        split_name="test",
        config=config,
        method=make_method(method, hyper),
        **options,
    )
