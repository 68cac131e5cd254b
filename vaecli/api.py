"""The front door for Python: train, compare, evaluate, load, methods and report, with DataFrames for results.

The commands of ``vae`` do the same through the same parts. Nothing else of the package is public.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from vaecli.corpus.types import Split
    from vaecli.metrics.scoring import Scoring
    from vaecli.runs.loaded_run import LoadedRun

    Codes = NDArray[np.float64]

__all__ = ["Results", "Run", "compare", "evaluate", "load", "methods", "report", "train"]

PathLike = str | Path
Settings = Mapping[str, Any]
"""Settings by dotted key, ``{"bn.gamma": 0.5, "training.epochs": 10}``."""


class Run:
    """A trained run: its figures, and its model for lists of sentences.

    Sentences are texts, cut into words by the run's own tokenizer; words that its vocabulary lacks are ``<unk>``. All
    but `evaluate` works from the run's folder alone, wherever its corpus may be.
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
        """Every figure by column, in nats per sentence unless `vaecli.metrics.schema` says otherwise."""
        values: dict[str, float | int | None] = self._loaded.folder.metrics().get("values", {})
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
        means = posterior_means(self._loaded.model, self._scoring(sentences))
        codes: Codes = means.cpu().double().numpy()
        return codes

    def decode(self, codes: Codes, *, beam: int = 1, temperature: float | None = None, seed: int = 0) -> list[str]:
        """Sentences of codes.

        Args:
            codes: (N, Z).
            beam: Size of the beam; 1 decodes greedily.
            temperature: Draws words at it instead.
            seed: Seed of the words that are drawn.

        Raises:
            UsageError: The codes have another number of dimensions than the model.
        """
        import torch

        from vaecli.core.errors import UsageError
        from vaecli.metrics.extras.text.reconstruction import decode_codes
        from vaecli.metrics.extras.text.samples import sample_codes

        run = self._loaded
        z = torch.as_tensor(codes, dtype=torch.float64, device=run.device)
        if z.ndim != 2 or z.shape[1] != run.model.latent_size:
            raise UsageError(f"codes of shape {tuple(z.shape)}; {self.path} decodes (N, {run.model.latent_size})")
        if temperature is not None:
            drawn = sample_codes(run.model, run.sampling(seed), z, run.longest, temperature)
        else:
            drawn = decode_codes(run.model, run.sampling(seed), z, run.longest, beam)
        text = run.vocabulary.tokenizer.text
        return [text(run.vocabulary.decode(sentence.words)) for sentence in drawn]

    def sample(self, count: int = 10, *, temperature: float = 1.0, seed: int = 0) -> list[str]:
        """Sentences from the prior, a language model's own where there is no code."""
        from vaecli.metrics.extras.text.samples import prior_codes

        run = self._loaded
        z = prior_codes(run.model, run.sampling(seed), count)
        return self.decode(z.cpu().numpy(), temperature=temperature, seed=seed)

    def reconstruct(self, sentences: Sequence[str], *, beam: int = 1) -> list[str]:
        """Each sentence, decoded from the mean of its posterior."""
        return self.decode(self.encode(sentences), beam=beam)

    def interpolate(self, first: str, last: str, steps: int = 5, *, beam: int = 1) -> list[str]:
        """Sentences on the straight way between the posterior means of two, both ends included.

        Raises:
            UsageError: Fewer than two steps, or the method has no code.
        """
        import numpy as np

        from vaecli.core.errors import UsageError

        if steps < 2:
            raise UsageError(f"an interpolation of {steps} steps has no two ends; ask for 2 or more")
        start, end = self.encode([first, last])
        weights = np.linspace(0, 1, steps)[:, None]
        return self.decode((1 - weights) * start + weights * end, beam=beam)

    def score(self, sentences: Sequence[str], *, iw_samples: int | None = None) -> pd.DataFrame:
        """The figures of each sentence in nats, ``rec``, ``kl``, ``neg_elbo`` and ``iw_nll``, beside its words.

        Args:
            sentences: N texts.
            iw_samples: Samples of the importance-weighted bound; the run's own number without, 0 skips it.

        Returns:
            A row a sentence, with its ``words`` and how many are ``unknown``; a figure without a definition is missing.
        """
        import pandas as pd

        from vaecli.corpus.types import UNK
        from vaecli.metrics.columns.elbo import elbo_terms
        from vaecli.metrics.columns.iw import importance_weighted_nll

        run, scoring = self._loaded, self._scoring(sentences)
        split = scoring.split
        terms = elbo_terms(run.model, scoring, run.config.evaluation.rec_samples)
        samples = run.config.evaluation.iw_samples if iw_samples is None else iw_samples
        if not run.model.has_latent:
            nll = terms.rec
        elif samples and terms.posterior is not None and terms.posterior.has_density:
            nll = importance_weighted_nll(run.model, scoring, terms.posterior, samples)
        else:
            nll = None
        words = (split.lengths - 1).tolist()
        unknown = [sum(word == UNK for word in split.sentence(n)) for n in range(len(split))]
        figures = {
            "rec": terms.rec,
            "kl": None if terms.kl is None else terms.kl.sum(1),
            "neg_elbo": terms.neg_elbo,
            "iw_nll": nll,
        }
        table = {"sentence": list(sentences), "words": words, "unknown": unknown}
        missing = [float("nan")] * len(split)
        return pd.DataFrame(table | {n: missing if v is None else v.cpu().numpy() for n, v in figures.items()})

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
        from vaecli.metrics.extras.text.samples import as_split

        vocabulary = self._loaded.vocabulary
        ids = [vocabulary.encode(vocabulary.tokenizer(sentence)) for sentence in sentences]
        for n, words in enumerate(ids):
            if not words:
                raise UsageError(f"sentence {n} ({sentences[n]!r}) has no word")
        return as_split(ids)


@dataclass(frozen=True)
class Results:
    """The results of one experiment or several.

    Attributes:
        path: Where they were read.
        trials: A row a trial, the columns of ``results.csv``.
        summary: A row a method: mean, deviation and 95 % interval over its seeds.
    """

    path: Path
    trials: pd.DataFrame
    summary: pd.DataFrame

    def text(
        self,
        format: Literal["table", "markdown", "latex", "csv", "json"] = "markdown",
        *,
        columns: Sequence[str] | None = None,
        baseline: str | None = None,
        sort: str | None = None,
    ) -> str:
        """The table as `vae report` prints it.

        Args:
            format: One of the report's formats.
            columns: Names; a default set without.
            baseline: A method; gives the paired differences to it.
            sort: ``column``, ``column:asc`` or ``column:desc``.

        Raises:
            UsageError: An unknown format, column or method.
        """
        from vaecli.reporting.read_results import load_results
        from vaecli.reporting.render import render

        loaded = load_results(self.path)
        named = None if columns is None else ",".join(columns)
        return render(loaded.frame, format, named, sort, baseline, contexts=loaded.contexts)


def train(
    method: str = "vanilla",
    data: PathLike = "synthetic",
    *,
    preset: str = "quick",
    seed: int = 0,
    settings: Settings | None = None,
    out: PathLike = "runs",
    name: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Run:
    """Trains one method on one corpus and measures it on the test split.

    Args:
        method: A remedy, or several joined with ``+``.
        data: ``synthetic``, or a folder with train.txt, valid.txt and test.txt.
        preset: Sizes and protocol: quick, ptb, yahoo, yelp or snli.
        seed: Seed of initialisation, data order and noise.
        settings: By dotted key.
        out: Where experiments are kept.
        name: Name of the experiment; the corpus's without.
        resume: Go on with a run that was interrupted; a finished one is loaded.
        overwrite: Delete a run that is there.

    Raises:
        UsageError: Wrong settings, or a run that is there already.
        DataError: The corpus can't be used.
        DivergedError: A loss that is not finite.
    """
    from vaecli.runs.start import prepare_run
    from vaecli.runs.trial import run_trial
    from vaecli.settings.resolve import load_settings
    from vaecli.training.progress import Unwatched

    chosen = load_settings(
        preset=preset,
        options={"corpus": {"data": str(data)}},
        values=settings,
        methods=[method],
        seeds=seed,
        experiment=name,
        methods_option="method",
    )
    folder, corpus = prepare_run(chosen, Path(out), resume=resume, overwrite=overwrite)
    if folder.status != "done":
        with folder.lock():
            run_trial(folder, Unwatched(), corpus)
    return load(folder.path)


def compare(
    methods: Iterable[str] = ("vanilla", "bn"),
    data: PathLike = "synthetic",
    *,
    seeds: int | str | Iterable[int] = 0,
    preset: str = "quick",
    settings: Settings | None = None,
    out: PathLike = "runs",
    name: str | None = None,
    jobs: int = 0,
    overwrite: bool = False,
) -> Results:
    """Trains methods x seeds on one corpus, each trial in a process of its own; only the method differs between rows.

    Run again it does only what is missing.

    Args:
        methods: Remedies or compositions; ``["all"]`` is every remedy.
        data: ``synthetic``, or a folder with train.txt, valid.txt and test.txt.
        seeds: One, several, or a text such as ``"0-2"``.
        preset: Sizes and protocol: quick, ptb, yahoo, yelp or snli.
        settings: By dotted key.
        out: Where experiments are kept.
        name: Name of the experiment; the corpus's without.
        jobs: Trials at a time; 0 is one a core, or one a GPU.
        overwrite: Run all trials of this grid anew.

    Raises:
        UsageError: Wrong settings, or a folder with trials of others.
        DataError: The corpus can't be used.
        TrialsFailedError: Some trials failed; the others are done and in the tables.
    """
    from vaecli.engines.experiment import check_outcome, open_experiment, run_experiment
    from vaecli.settings.resolve import load_settings

    chosen = load_settings(
        preset=preset,
        options={"corpus": {"data": str(data)}},
        values=settings,
        methods=list(methods),
        seeds=seeds if isinstance(seeds, int | str) else ",".join(map(str, seeds)),
        experiment=name,
        jobs=jobs,
        methods_option="methods",
    )
    experiment, _ = open_experiment(chosen, Path(out), overwrite)
    outcome = run_experiment(experiment, overwrite=overwrite)
    check_outcome(experiment, outcome)
    return report(experiment.path)


def evaluate(
    run: PathLike,
    *evaluations: str,
    split: str | None = None,
    iw_samples: int | None = None,
    sentences: int | None = None,
    lm: PathLike | None = None,
) -> dict[str, float | int | None]:
    """Measures a finished run further; the figures join its others, as `vae evaluate` does it.

    Args:
        run: Its folder.
        evaluations: Such as ``"probe"`` or ``"gaps"``.
        split: ``valid`` or ``test``; the run's own without.
        iw_samples: Estimates iw_nll anew with so many.
        sentences: How many sentences to take where an evaluation works on a sample of them.
        lm: Folder of a run of method ``lm``, for ``payoff`` and ``samples``.

    Raises:
        UsageError: The run is not done, or nothing or something unknown is asked for.
        DivergedError: A figure is not finite.
    """
    from vaecli.metrics.extras.registry import check_names
    from vaecli.runs.evaluation import EvaluationRequest, evaluate_run, store
    from vaecli.runs.loaded_run import load_run
    from vaecli.runs.reference_lm import load_reference

    names = check_names(evaluations)
    loaded = load_run(Path(run))
    reference = None if lm is None else load_reference(Path(lm), loaded.corpus, loaded.device, str(run))
    request = EvaluationRequest(names, split or loaded.config.evaluation.split, iw_samples, sentences, reference)
    measured = evaluate_run(loaded, request)
    store(loaded.folder, measured)
    return measured.all_values


def load(run: PathLike, *, device: str | None = None) -> Run:
    """Loads a trained run, at its best validation checkpoint.

    Args:
        run: Its folder, ``OUT/EXPERIMENT/METHOD/seed-N``.
        device: ``auto``, ``cpu`` or ``cuda``; the run's own without.

    Raises:
        UsageError: There is no run, or no trained model in it yet.
        DataError: Its checkpoint can't be read.
    """
    from vaecli.runs.loaded_run import load_run

    return Run(load_run(Path(run), device))


def methods() -> pd.DataFrame:
    """Every remedy by name: title, paper, equation, version, and the cost of an update over vanilla's."""
    import pandas as pd

    from vaecli.remedies import method_names, remedy_class

    kinds = [remedy_class(name) for name in method_names()]
    rows = [
        {
            "name": kind.name,
            "title": kind.title,
            "paper": kind.paper.citation,
            "equation": kind.equation,
            "version": kind.version,
            "cost": kind.cost,
        }
        for kind in kinds
    ]
    return pd.DataFrame(rows).set_index("name")


def report(path: PathLike | None = None) -> Results:
    """The results of an experiment's folder, a folder of experiments or a results.csv; the newest in ``runs`` without.

    Raises:
        UsageError: There are none.
    """
    from vaecli.reporting.read_results import load_results, newest_experiment
    from vaecli.runs.tables import summary_table

    chosen = newest_experiment(Path("runs"))[0] if path is None else Path(path)
    trials = load_results(chosen).frame
    return Results(chosen, trials, summary_table(trials))
