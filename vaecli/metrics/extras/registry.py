"""Evaluations beyond the standard columns, made only when asked for: ``vae evaluate`` or ``[evaluation] extra``.

Each is a function from `BlockInput` to `BlockResult` in a module of its own, imported when it is run; this module
imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import unknown

if TYPE_CHECKING:
    from vaecli.config import EvaluationConfig, RunConfig
    from vaecli.corpus.types import Corpus, Split
    from vaecli.metrics.scoring import Scoring
    from vaecli.model.vae import VAE
    from vaecli.remedies.core.compose import Method

BLOCKS: dict[str, str] = {
    "dimensions": "vaecli.metrics.extras.dimensions:dimensions_block",
    "probe": "vaecli.metrics.extras.probe:probe_block",
    "decoder_use": "vaecli.metrics.extras.decoder_use:decoder_use_block",
    "gaps": "vaecli.metrics.extras.gaps:gaps_block",
    "payoff": "vaecli.metrics.extras.game.payoff:payoff_block",
    "bleu": "vaecli.metrics.extras.text.blocks:bleu_block",
    "samples": "vaecli.metrics.extras.text.blocks:samples_block",
    "reverse_ppl": "vaecli.metrics.extras.text.blocks:reverse_block",
}
"""``module:function`` of each evaluation, by its name."""

VERSIONS: dict[str, int] = dict.fromkeys(BLOCKS, 1) | {"bleu": 2, "payoff": 2}
"""The version of each, raised when its numbers would move."""

SAMPLED = frozenset({"gaps", "samples", "reverse_ppl"})
"""Those that work on a sample of sentences, whose size `BlockInput.sentences` sets."""

REFERENCED = frozenset({"payoff", "samples"})
"""Those that make use of `BlockInput.reference`."""


TrainLM = Callable[[Sequence[Sequence[int]], int], "VAE"]
"""Trains a language model on sentences of word ids, with a seed."""


@dataclass(frozen=True)
class BlockInput:
    """What an evaluation may look at.

    Attributes:
        model: At its best checkpoint, on the device; its mode and torch's global generators are to stay as they are.
        corpus: Whose train split the model has learned.
        scoring: Which N sentences the figures are of, and how they are scored: in fp32.
        split_name: ``valid`` or ``test``.
        config: Numbers of samples.
        method: The composed remedies.
        sentences: How many sentences to take where an evaluation works on a sample of them; None for its own number.
        reference: A language model of the same corpus, where the user named one.
        recipe: All settings of the run.
        train_lm: Trains a language model by the run's recipe on sentences of word ids, with a seed.
    """

    model: VAE
    corpus: Corpus
    scoring: Scoring
    split_name: str
    config: EvaluationConfig
    method: Method
    sentences: int | None = None
    reference: VAE | None = None
    recipe: RunConfig | None = None
    train_lm: TrainLM | None = None

    @property
    def split(self) -> Split:
        """The N sentences that the figures are of."""
        return self.scoring.split


@dataclass(frozen=True)
class BlockResult:
    """What an evaluation found.

    Attributes:
        values: By column name; None where a figure isn't defined.
        details: For metrics.json, under the evaluation's name: what JSON can hold; ``reason`` says why figures are
            missing.
        lines: What a person reads below the values.
        settings: What the values depend on besides the version, such as a number of samples; trials that differ in it
            are never averaged.
    """

    values: Mapping[str, float | int | None]
    details: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    settings: Mapping[str, int | str] = field(default_factory=dict)


Block = Callable[[BlockInput], BlockResult]


def undefined(columns: Iterable[str], reason: str) -> BlockResult:
    """A result without figures, and why."""
    return BlockResult(dict.fromkeys(columns), {"reason": reason}, (reason,))


def check_names(names: Iterable[str], source: str = "") -> tuple[str, ...]:
    """The names, each once, in their order.

    Args:
        names: Names of evaluations.
        source: Where they stand, such as ``evaluation.extra``.

    Raises:
        UsageError: There is none of a name; names the nearest.
    """
    distinct = tuple(dict.fromkeys(names))
    for name in distinct:
        if name not in BLOCKS:
            raise unknown("evaluation", name, BLOCKS, source)
    return distinct


def load_block(name: str) -> Block:
    """The function of an evaluation.

    Raises:
        UsageError: There is none of this name.
    """
    check_names([name])
    module, _, function = BLOCKS[name].partition(":")
    block: Block = getattr(import_module(module), function)
    return block


def estimators_of(results: Mapping[str, BlockResult]) -> dict[str, int | str]:
    """What evaluations that were made leave in ``run.json``: ``{"gaps": 1, "gaps.sentences": 200, ...}``."""
    settings = {f"{name}.{key}": value for name, result in results.items() for key, value in result.settings.items()}
    return versions_of(results) | settings


def versions_of(names: Iterable[str]) -> dict[str, int]:
    """The version of each of the evaluations."""
    return {name: VERSIONS[name] for name in names}
