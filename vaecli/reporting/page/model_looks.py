"""What a page shows of trained models: codes in two dimensions, and sentences.

Everything is computed from the checkpoints anew, with one seed a method and some hundred sentences, and nothing is
written into the run folders: what is kept there are figures of whole splits, and these are none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from vaecli.core.errors import DataError, VaeError
from vaecli.core.messages import printable
from vaecli.core.plugins import at_fault
from vaecli.core.seeds import stable_seed
from vaecli.corpus.types import Corpus
from vaecli.metrics.extras.text.reconstruction import code_of_means, code_path, decode_codes, posterior_means, sources
from vaecli.metrics.extras.text.samples import as_split, sample_prior
from vaecli.metrics.scoring import Scoring
from vaecli.remedies import GROUP
from vaecli.reporting.page.page_trials import PageTrial
from vaecli.reporting.page.weight_replay import Replay, replayed_weights
from vaecli.reporting.pictures.code_positions import principal_plane
from vaecli.runs.loaded_run import LoadedRun, load_run

if TYPE_CHECKING:
    from vaecli.corpus.types import Split

SENTENCES = 300
"""Sentences of the split that are encoded."""
SHOWN = 4
"""Sentences that are reconstructed, and samples."""
STEPS = 5
"""Codes of an interpolation, both ends included."""
LONGEST = 240
"""Characters of a sentence that are shown."""
TOLD = 140
"""Characters of a sentence that whoever hovers over its code sees."""


@dataclass(frozen=True)
class SplitSample:
    """The sentences that all methods of a table are shown on.

    Attributes:
        split: Its name.
        total: Sentences of the split.
        texts: Of those chosen.
        labels: Class of each by the first label field; empty without labels.
        names: Of the classes.
        field: Of the labels.
    """

    split: str
    total: int
    texts: tuple[str, ...]
    labels: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    field: str = ""


@dataclass(frozen=True)
class ModelLook:
    """What a model makes of the sentences.

    Attributes:
        seed: Of the run.
        settings: Hyper-parameters by key, defaults included.
        codes: (N, 2) the means on their first two principal components; empty without a latent variable.
        shares: Of the variance of the means that the two explain.
        deviation: Square root of the variance of the means over all dimensions.
        samples: Decoded from the prior, words drawn.
        reconstructions: Of the first sentences, greedily from the code of the mean.
        interpolation: Greedily, on the way from the first sentence's code to the second's.
        weights: The KL weight over the updates, where it is a schedule.
    """

    seed: int | None
    settings: dict[str, Any]
    codes: tuple[tuple[float, float], ...] = ()
    shares: tuple[float, float] = (0.0, 0.0)
    deviation: float = 0.0
    samples: tuple[str, ...] = ()
    reconstructions: tuple[str, ...] = ()
    interpolation: tuple[str, ...] = ()
    weights: Replay | None = None


@dataclass
class Looks:
    """The looks of a table's rows.

    Attributes:
        sample: The sentences; None where no model could be read.
        by_row: By number of the row.
        missing: Why a row has none, by its number.
    """

    sample: SplitSample | None = None
    by_row: dict[int, ModelLook] = field(default_factory=dict)
    missing: dict[int, str] = field(default_factory=dict)


class Viewer:
    """Looks at models one after the other; models of one corpus are shown on the same sentences of it."""

    def __init__(self) -> None:
        self._corpora: dict[str, Corpus] = {}
        self._samples: dict[tuple[str, str], tuple[SplitSample, Split]] = {}

    def look(self, trials: Sequence[PageTrial], number: int, looks: Looks) -> None:
        """Takes in what the first trained seed of a row shows, or why there is nothing."""
        trained = [trial for trial in trials if trial.trained]
        if not trained:
            looks.missing[number] = "no run folder of a finished trial"
            return
        try:
            self._take(trained[0], number, looks)
        except VaeError as error:
            looks.missing[number] = printable(str(error).split("\n")[0])
        except Exception as error:  # a remedy of another package may fail in any way, and the others are shown
            if not (plugin := at_fault(error, GROUP)):
                raise
            looks.missing[number] = printable(plugin.failure(error))

    def _take(self, trial: PageTrial, number: int, looks: Looks) -> None:
        assert trial.path is not None
        run = load_run(trial.path, "auto")  # the machine that reads may lack the one that trained
        sample, split = self._sample(run)
        if looks.sample is not None and looks.sample != sample:
            looks.missing[number] = "its corpus is not that of the other methods"
            return
        looks.sample = sample
        looks.by_row[number] = model_look(run, split, trial)

    def _sample(self, run: LoadedRun) -> tuple[SplitSample, Split]:
        """The sentences of a run's corpus, which is read once for all runs that were trained on it."""
        settings = json.dumps(run.config.corpus.model_dump(mode="json"), sort_keys=True)
        key = f"{run.folder.fingerprint} {settings}"
        if key not in self._corpora:
            self._corpora[key] = run.corpus
        name = run.config.evaluation.split
        if (key, name) not in self._samples:
            self._samples[key, name] = choose_sentences(self._corpora[key], name)
        return self._samples[key, name]


def choose_sentences(corpus: Corpus, name: str, count: int = SENTENCES) -> tuple[SplitSample, Split]:
    """Sentences of a split, the same ones for every method, with their labels.

    Args:
        corpus: Of the runs.
        name: Of the split.
        count: Sentences at most.
    """
    split = corpus.split(name)
    generator = torch.Generator().manual_seed(stable_seed(0, "page"))
    chosen = torch.randperm(len(split), generator=generator)[:count]
    part = as_split([split.sentence(n) for n in chosen.tolist()], name)
    told = tuple(_text(corpus.vocabulary, words) for words in sources(part))
    field_name = next(iter(split.labels), "")
    if not field_name:
        return SplitSample(name, len(split), told), part
    labels = tuple(split.labels[field_name][chosen].tolist())
    return SplitSample(name, len(split), told, labels, tuple(split.label_names[field_name]), field_name), part


def model_look(run: LoadedRun, split: Split, trial: PageTrial) -> ModelLook:
    """What a run's model makes of the sentences of a split.

    Args:
        run: With its model.
        split: The chosen sentences.
        trial: Of the run.
    """
    settings = {f"{r.name}.{key}": value for r in run.method.remedies for key, value in r.hyper().items()}
    drawn = sample_prior(run.model, run.sampling(0), SHOWN, run.longest)
    samples = tuple(_text(run.vocabulary, sentence.words) for sentence in drawn)
    weights = replayed_weights(run.method, trial.history, run.config.training.epochs)
    if not run.model.has_latent:
        return ModelLook(trial.seed, settings, samples=samples, weights=weights)
    scoring = Scoring.exact(split, run.config.evaluation, run.config.training.seed, run.device)
    means = posterior_means(run.model, scoring)
    if not bool(means.isfinite().all()):
        raise DataError("a posterior mean is not finite")
    positions, shares, deviation = principal_plane(means.cpu().double().numpy())
    codes = tuple((float(x), float(y)) for x, y in positions)
    between = code_path(run.model, means[0], means[min(1, len(means) - 1)], STEPS)
    z = torch.cat([code_of_means(run.model, means[:SHOWN]), between])
    decoded = decode_codes(run.model, run.sampling(0), z, run.longest)
    texts = tuple(_text(run.vocabulary, sentence.words) for sentence in decoded)
    shown = min(SHOWN, len(means))
    return ModelLook(trial.seed, settings, codes, shares, deviation, samples, texts[:shown], texts[shown:], weights)


def _text(vocabulary: Any, words: list[int]) -> str:
    """A sentence as its tokenizer writes it, cut where it is very long."""
    text = printable(vocabulary.tokenizer.text(vocabulary.decode(words)))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
