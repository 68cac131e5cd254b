"""A trained run for Python: its figures, and its model for lists of sentences."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from numpy.typing import NDArray

    from vaecli.corpus.types import Split
    from vaecli.metrics.scoring import Scoring
    from vaecli.runs.loaded_run import LoadedRun

    Codes = NDArray[np.float64]


class Run:
    """A trained run: its figures, and its model for lists of sentences.

    Sentences are texts, cut into words by the run's own tokenizer; words that its vocabulary lacks are ``<unk>``, and
    so are those that stand for unknown ones by its `corpus.unknown_words`. Of a sentence longer than its
    `corpus.max_length` the first so many words count, with a warning, as in its training. All but `evaluate` works from
    the run's folder alone, wherever its corpus may be.
    """

    def __init__(self, loaded: LoadedRun) -> None:
        self._loaded = loaded

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self._loaded.folder.path

    @property
    def method(self) -> str:
        """The remedies, joined with ``+``."""
        return self._loaded.config.method

    @property
    def seed(self) -> int:
        """Of initialisation, data order and noise."""
        return self._loaded.config.training.seed

    @property
    def settings(self) -> dict[str, Any]:
        """All settings by the keys that `train` takes, ``bn.gamma``; and the names of experiment, method and preset."""
        from vaecli.settings.run_file import settings_by_key

        return settings_by_key(self._loaded.config)

    @property
    def figures(self) -> dict[str, float | int | None]:
        """Every figure by column, in nats per sentence unless `vaecli.metrics.schema` says otherwise.

        None before the run is done; of one that goes on for more epochs the old ones, of other weights, don't count.
        """
        folder = self._loaded.folder
        values: dict[str, float | int | None] = folder.metrics().get("values", {}) if folder.status == "done" else {}
        return values

    @property
    def history(self) -> pd.DataFrame:
        """A row an evaluation on the validation split."""
        import pandas as pd

        return pd.DataFrame(self._loaded.folder.history())

    def encode(self, sentences: Sequence[str]) -> Codes:
        """The means of q(z|x).

        Returns:
            (N, Z) float64.

        Raises:
            UsageError: The method has no code, or a sentence has no word.
        """
        from vaecli.metrics.extras.text.reconstruction import posterior_means

        self._need_code("encode")
        means = posterior_means(self._loaded.model, self._scoring(_texts(sentences)))
        codes: Codes = means.cpu().double().numpy()
        return codes

    def decode(
        self,
        codes: Codes,
        *,
        beam: int = 1,
        temperature: float | None = None,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[str]:
        """Sentences of codes.

        Args:
            codes: (N, Z), finite.
            beam: Size of the beam; 1 decodes greedily.
            temperature: Draws words at it instead.
            top_k: Of the so many most probable words only; 0 of all. It draws at temperature 1 unless told another.
            top_p: Of the most probable words only that together reach this probability.
            seed: Seed of the words that are drawn, from 0.

        Raises:
            UsageError: The codes are no finite numbers or have another number of dimensions than the model, or a value
                is of another type, out of range or contradicts another.
        """
        from vaecli.api.arguments import code_tensor, drawing_of, whole
        from vaecli.metrics.extras.text.reconstruction import decode_codes
        from vaecli.metrics.extras.text.samples import sample_codes

        seed, beam = whole("seed", seed, 0), whole("beam", beam, 1)
        drawing = drawing_of(beam, temperature, top_k, top_p)
        run = self._loaded
        z = code_tensor(codes, run.model.latent_size, run.device, str(self.path))
        if drawing is not None:
            drawn = sample_codes(run.model, run.sampling(seed), z, run.longest, drawing)
        else:
            drawn = decode_codes(run.model, run.sampling(seed), z, run.longest, beam)
        text = run.vocabulary.tokenizer.text
        return [text(run.vocabulary.decode(sentence.words)) for sentence in drawn]

    def sample(self, count: int = 10, *, temperature: float = 1.0, seed: int = 0) -> list[str]:
        """Sentences from the prior, a language model's own where there is no code.

        Args:
            count: How many, from 0.
            temperature: Of drawn words; 1 is the model's own.
            seed: Seed of codes and words, from 0.

        Raises:
            UsageError: A value is of another type or out of range.
        """
        from vaecli.api.arguments import whole
        from vaecli.metrics.extras.text.samples import prior_codes

        run, count, seed = self._loaded, whole("count", count, 0), whole("seed", seed, 0)
        z = prior_codes(run.model, run.sampling(seed), count)
        return self.decode(z.cpu().numpy(), temperature=temperature, seed=seed)

    def codes(self, sentences: Sequence[str]) -> pd.DataFrame:
        """What the encoder makes of each sentence, beside its figures.

        Returns:
            A row a sentence: the columns of `score` without ``iw_nll``, then ``mean_1`` ... ``mean_Z`` of q(z|x),
            ``deviation_1`` ... ``deviation_Z`` where it is a diagonal Gaussian, and ``class_1`` ... ``class_M``, from
            0, where it is a discrete code.

        Raises:
            UsageError: The method has no code, or a sentence has no word.
        """
        import pandas as pd

        from vaecli.metrics.columns.elbo import elbo_terms
        from vaecli.metrics.sentences import bound_scores
        from vaecli.model.posterior import DiagonalGaussian
        from vaecli.model.prior import DiscretePrior

        self._need_code("encode")
        texts = _texts(sentences)
        scoring = self._scoring(texts)
        terms = elbo_terms(self._loaded.model, scoring, self._loaded.config.evaluation.rec_samples)
        posterior = terms.posterior
        assert posterior is not None
        parts = {"mean": posterior.mean}
        if isinstance(posterior, DiagonalGaussian):
            parts["deviation"] = (0.5 * posterior.logvar).exp()
        prior = self._loaded.model.prior
        if isinstance(prior, DiscretePrior):
            parts["class"] = prior.index(posterior.mean)
        tables = [pd.DataFrame({"sentence": texts}), bound_scores(scoring, terms)]
        for name, values in parts.items():
            columns = [f"{name}_{n + 1}" for n in range(values.shape[1])]
            tables.append(pd.DataFrame(values.cpu().numpy(), columns=columns))
        return pd.concat(tables, axis=1)

    def reconstruct(self, sentences: Sequence[str], *, beam: int = 1) -> list[str]:
        """Each sentence, decoded from the code that the mean of its posterior stands for.

        Raises:
            UsageError: The method has no code, a sentence has no word, or the beam holds no sentence.
        """
        import torch

        from vaecli.api.arguments import whole
        from vaecli.metrics.extras.text.reconstruction import code_of_means

        beam = whole("beam", beam, 1)
        codes = code_of_means(self._loaded.model, torch.as_tensor(self.encode(sentences), device=self._loaded.device))
        return self.decode(codes.cpu().numpy(), beam=beam)

    def interpolate(self, first: str, last: str, steps: int = 5, *, beam: int = 1) -> list[str]:
        """Sentences on the way between the codes of two, both ends included.

        The way is straight between means of Gaussians and a great circle between codes on a sphere; of a discrete code
        the classes of one variable after the other are swapped.

        Raises:
            UsageError: Fewer than two steps, the beam holds no sentence, or the method has no code.
        """
        import torch

        from vaecli.api.arguments import whole
        from vaecli.core.errors import UsageError
        from vaecli.metrics.extras.text.reconstruction import code_path

        steps, beam = whole("steps", steps), whole("beam", beam, 1)
        if steps < 2:
            raise UsageError(f"an interpolation of {steps} steps has no two ends; ask for 2 or more")
        start, end = torch.as_tensor(self.encode([first, last]), device=self._loaded.device)
        return self.decode(code_path(self._loaded.model, start, end, steps).cpu().numpy(), beam=beam)

    def score(self, sentences: Sequence[str], *, iw_samples: int | None = None) -> pd.DataFrame:
        """The figures of each sentence in nats, ``rec``, ``kl``, ``neg_elbo`` and ``iw_nll``, beside its words.

        Args:
            sentences: N texts.
            iw_samples: Samples of the importance-weighted bound; the run's own number without, 0 skips it.

        Returns:
            A row a sentence, with its ``words`` and how many are ``unknown``; a figure without a definition is missing.

        Raises:
            UsageError: A sentence has no word, or the number of samples is none or out of range.
        """
        from vaecli.metrics.sentences import sentence_scores

        run, texts = self._loaded, _texts(sentences)
        settings = run.config.evaluation
        samples = settings.iw_samples if iw_samples is None else _samples(iw_samples, 0)
        table = sentence_scores(run.model, self._scoring(texts), settings.rec_samples, samples)
        table.insert(0, "sentence", texts)
        return table

    def evaluate(self, *evaluations: str, **options: Any) -> dict[str, float | int | None]:
        """Further measurements, kept with the run's figures; see `evaluate`."""
        return evaluate(self.path, *evaluations, **options)

    def _need_code(self, what: str) -> None:
        from vaecli.core.errors import UsageError

        if not self._loaded.model.has_latent:
            raise UsageError(f"{self.path}: {self.method!r} has no latent variable to {what}")

    def _scoring(self, sentences: Sequence[str]) -> Scoring:
        """How sentences are scored, in fp32."""
        from vaecli.metrics.scoring import Scoring

        run = self._loaded
        return Scoring.exact(self._split(sentences), run.config.evaluation, self.seed, run.device)

    def _split(self, sentences: Sequence[str]) -> Split:
        from vaecli.core.errors import UsageError
        from vaecli.core.messages import counted
        from vaecli.metrics.extras.text.samples import as_split

        run, longest = self._loaded, self._loaded.config.corpus.max_length
        texts = [run.all_words(sentence) for sentence in sentences]
        for n, words in enumerate(texts):
            if not words:
                raise UsageError(f"sentence {n + 1} of {len(texts)} ({sentences[n]!r}) has no word")
        if cut := sum(len(words) > longest for words in texts):
            told = f"{counted(cut, 'sentence')} of {len(texts):,} cut to {counted(longest, 'word')}"
            warnings.warn(f"{told}, as those of the run's corpus are (corpus.max_length)", stacklevel=2)
        return as_split([run.vocabulary.encode(words[:longest]) for words in texts])


def _texts(sentences: Iterable[str]) -> list[str]:
    """The sentences that were given, one or more.

    Raises:
        UsageError: They are no list of texts, or there is none.
    """
    from vaecli.core.errors import UsageError

    texts = list(sentences) if _is_list(sentences) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(f"sentences are a list of texts, such as ['a cat sat'], not {sentences!r:.60}")
    if not texts:
        raise UsageError("there is no sentence; give one or more")
    return [str(text) for text in texts]


def _is_list(sentences: Any) -> bool:
    """Whether its items are what it holds: those of a text are letters, of a dictionary keys, of a table columns."""
    unlike = isinstance(sentences, str | Mapping) or hasattr(sentences, "columns")
    return isinstance(sentences, Iterable) and not unlike


def _samples(count: Any, least: int) -> int:
    """A number of importance samples, at most what settings admit.

    Raises:
        UsageError: It is none.
    """
    from vaecli.api.arguments import whole
    from vaecli.core.option_settings import OPTION_SETTINGS

    return whole("iw_samples", count, least, OPTION_SETTINGS["evaluation.iw_samples"].most)


def load(run: str | Path, *, device: str | torch.device | None = None) -> Run:
    """Loads a trained run, at its best validation checkpoint; a warning says where its training isn't done.

    Args:
        run: Its folder, ``OUT/EXPERIMENT/METHOD/seed-N``.
        device: ``auto``, ``cpu`` or ``cuda``, or one of torch's; the run's own without.

    Raises:
        UsageError: There is no run, or no trained model in it yet; or no such device.
        DataError: Its checkpoint can't be read.
    """
    from vaecli.runs.loaded_run import load_run

    return Run(load_run(Path(run), None if device is None else str(device)))


def evaluate(
    run: str | Path,
    *evaluations: str,
    split: str | None = None,
    iw_samples: int | None = None,
    sentences: int | None = None,
    lm: str | Path | None = None,
) -> dict[str, float | int | None]:
    """Measures a finished run further; the figures join its others, as `vae evaluate` does it.

    Args:
        run: Its folder.
        evaluations: Such as ``"probe"`` or ``"gaps"``.
        split: ``valid`` or ``test``; the run's own without.
        iw_samples: Estimates iw_nll anew with so many.
        sentences: How many sentences to take where an evaluation works on a sample of them; the run's own without, or
            the evaluation's.
        lm: Folder of a run of method ``lm``, for ``payoff`` and ``samples``; the run's own without, if it has one.

    Raises:
        UsageError: The run is not done, nothing or something unknown is asked for, or what makes no use of `sentences`
            or `lm`.
        DivergedError: A figure is not finite.
    """
    from vaecli.metrics.extras.registry import check_names
    from vaecli.runs.evaluation import Evaluated, evaluate_run, request_of, store
    from vaecli.runs.loaded_run import load_run

    names = check_names(evaluations)
    iw_samples, sentences = _check_request(names, split, iw_samples, sentences, lm)
    loaded = load_run(Path(run))
    request = request_of(loaded, names, split, iw_samples, sentences, None if lm is None else Path(lm))

    def keep(evaluated: Evaluated) -> None:
        store(loaded.folder, evaluated)

    return evaluate_run(loaded, request, finish=keep).all_values


def _check_request(
    names: Sequence[str], split: str | None, iw_samples: int | None, sentences: int | None, lm: str | Path | None
) -> tuple[int | None, int | None]:
    """Looks at what `evaluate` is asked for, before a run is read; gives the numbers of samples and sentences.

    Raises:
        UsageError: An unknown split, a count that is none or out of range, or something that none of the evaluations
            makes use of.
    """
    from vaecli.api.arguments import whole
    from vaecli.config import MANY
    from vaecli.core.errors import UsageError, unknown
    from vaecli.metrics.extras.registry import REFERENCED, SAMPLED

    if split not in (None, "valid", "test"):
        raise unknown("split", str(split), ("valid", "test"), "split")
    iw_samples = None if iw_samples is None else _samples(iw_samples, 1)
    sentences = None if sentences is None else whole("sentences", sentences, 1, MANY)
    for name, value, users in (("sentences", sentences, SAMPLED), ("lm", lm, REFERENCED)):
        if value is not None and not users & set(names):
            raise UsageError(f"{name} changes nothing here; it goes with {' or '.join(sorted(users))}")
    return iw_samples, sentences
