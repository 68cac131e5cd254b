"""The embedded corpora: texts that the program writes itself, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vaecli.config import CorpusConfig
from vaecli.core.errors import UsageError
from vaecli.core.seeds import stable_seed
from vaecli.corpus import mixture_text, synthetic
from vaecli.corpus.encode import RawSplit
from vaecli.corpus.origins import MIXTURE, SPLITS, SYNTHETIC
from vaecli.corpus.tokenizers import get_tokenizer
from vaecli.corpus.types import Truth
from vaecli.corpus.words import Numbering

Sentences = tuple[Sequence[Sequence[str]], Mapping[str, Sequence[str]]]
"""The words of each sentence, and for each label field the class of each."""


@dataclass(frozen=True)
class Embedded:
    """A corpus that the program writes.

    Attributes:
        version: Raised when the sentences drawn from a seed would change.
        draw: The sentences of a split from the corpus seed, its name and their number.
        truth: What is exactly known of it; None where nothing is.
        kept: Whether writing it takes long enough for the cache.
    """

    version: int
    draw: Callable[[int, str, int], Sentences]
    truth: Callable[[], Truth | None] = lambda: None
    kept: bool = False


def _of_grammar(seed: int, part: str, count: int) -> Sentences:
    grammar = synthetic.synthetic_grammar()
    sample = grammar.sample(count, stable_seed(SYNTHETIC, synthetic.VERSION, seed, part))
    names = grammar.label_names
    return sample.sentences, {name: [names[name][i] for i in values.tolist()] for name, values in sample.labels.items()}


def _of_mixture(seed: int, part: str, count: int) -> Sentences:
    drawn = mixture_text.draw_split(seed, part, count)
    sentences = [list(map(str, words)) for words in drawn.words.tolist()]
    return sentences, {"cluster": [mixture_text.CLUSTERS[k] for k in drawn.clusters.tolist()]}


CORPORA: Mapping[str, Embedded] = {
    SYNTHETIC: Embedded(synthetic.VERSION, _of_grammar, synthetic.synthetic_truth),
    MIXTURE: Embedded(mixture_text.VERSION, _of_mixture, kept=True),
}
"""By the name that ``--data`` takes."""


def embedded_words(config: CorpusConfig) -> tuple[dict[str, RawSplit], Sequence[str]]:
    """The splits of the embedded corpus that the settings name, and the words that their numbers stand for.

    Raises:
        UsageError: The tokenizer is unknown or doesn't fit.
    """
    get_tokenizer(config.tokenizer)  # an unknown name is the better message
    if config.tokenizer != "split":
        raise UsageError(f"corpus.tokenizer: {config.tokenizer!r} doesn't fit the {config.data} corpus; use split")
    sizes = {"train": config.train_size, "valid": config.valid_size, "test": config.test_size}
    raw, numbering = {}, Numbering()
    for part in SPLITS:
        sentences, labels = CORPORA[config.data].draw(config.corpus_seed, part, sizes[part])
        words = numbering.sentences(sentences, config.max_length)
        raw[part] = RawSplit(f"{config.data} {part}", words, labels)
    return raw, numbering.spellings
