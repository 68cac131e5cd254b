"""``vae advise``: which methods are likely to inform on a corpus and budget, from the atlas of small trials."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from vaecli.cli import options as o
from vaecli.cli.completion import complete_methods
from vaecli.core.messages import counted, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from vaecli.atlas.adviser import Adviser
    from vaecli.cli.live import Silent
    from vaecli.config import RunConfig
    from vaecli.corpus.types import Corpus

OWN = ("corpus.data", "corpus.max_vocab", "corpus.min_freq", "corpus.max_length", "corpus.tokenizer", "training.epochs")
"""Settings that have an option here as well as in `vae compare`; --set takes all others."""

Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--methods",
        metavar="A,B",
        help="Only these methods. (default: all in the atlas)",
        autocompletion=complete_methods,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="10m",
        help="Time for the updates of a run here: each gets the epochs that fit, by a few timed updates of vanilla.",
        show_default=False,
    ),
]
Rate = Annotated[
    float | None,
    typer.Option("--learning-rate", help="Initial learning rate. (default: the preset's)", show_default=False),
]
Latent = Annotated[
    int | None,
    typer.Option("--latent-size", min=1, help="Dimensions of z. (default: the preset's)", show_default=False),
]
Decoder = Annotated[
    int | None,
    typer.Option("--decoder-size", min=1, help="Units of the decoder. (default: the preset's)", show_default=False),
]
Top = Annotated[int, typer.Option("--top", min=1, help="How many rows to print.")]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Csv = Annotated[
    str | None, typer.Option("--csv", metavar="FILE", help="Also write the rows here; - prints them instead.")
]


def _others() -> tuple[str, ...]:
    """Settings without an option here."""
    from vaecli.core.option_settings import OPTION_SETTINGS

    return tuple(key for key in OPTION_SETTINGS if key not in OWN)


@o.with_settings(without=_others())
def advise(
    *,
    context: typer.Context,
    options: o.Layer,
    methods: Methods = None,
    budget: Budget = None,
    learning_rate: Rate = None,
    latent_size: Latent = None,
    decoder_size: Decoder = None,
    preset: o.Preset = None,
    set_: o.Sets = None,
    top: Top = 10,
    json: Json = False,
    csv: Csv = None,
    quiet: o.Quiet = False,
) -> None:
    """Predict which methods will inform on a corpus like yours, and at what price; trains nothing.

    From nearby trials of the atlas: the chance of the verdict `informative`, mi and price with intervals, and the
    nearest trials. A run that is far from all trials is refused; methods without a row are named, by reason.
    """
    from vaecli.cli.compare import check_outputs
    from vaecli.cli.live import open_progress

    check_outputs(json, csv)
    limit = limit_of(budget)
    progress = open_progress(context, quiet)
    progress.doing("importing torch")
    from vaecli.atlas.adviser import Adviser
    from vaecli.atlas.trials_table import corpus_features, shipped
    from vaecli.corpus.load import load_corpus

    adviser = Adviser(shipped())
    config = settings_of(preset, options, set_ or [], [learning_rate, latent_size, decoder_size])
    names = named(methods or [], adviser)
    without = rowless(names, adviser, all_methods=methods in (None, [], ["all"]))
    progress.doing(f"reading {config.corpus.data}")
    corpus = load_corpus(config.corpus)
    run_of = partial(query, config, corpus_features(corpus), len(corpus.train))
    planned = config.training.epochs
    adviser.refuse_far([run_of(planned)] if limit is None else adviser.nearest_runs(run_of, planned))
    able = [name for name in names if name not in without["too_few_trials"]]
    epochs = dict.fromkeys(able, planned) if limit is None else epochs_within(limit, able, config, corpus, progress)
    progress.close()
    queries = {name: run_of(count) for name, count in epochs.items()}
    adviser.refuse_far(list(queries.values()))
    without["over_budget"] = [name for name in able if name not in epochs]
    without["far"] = [name for name in queries if adviser.nearness(queries[name]).far]
    near = {name: run for name, run in queries.items() if name not in without["far"]}
    show(adviser, near, epochs, without, top=top, json=json, csv=csv, quiet=quiet)


def limit_of(budget: str | None) -> float | None:
    """Seconds of ``--budget``; None without it.

    Raises:
        UsageError: It is no duration.
    """
    from vaecli.core.durations import seconds_of

    return None if budget is None else seconds_of(budget)


def settings_of(
    preset: str | None, options: o.Layer, sets: Sequence[str], own: Sequence[float | int | None]
) -> RunConfig:
    """The settings that `vae compare` would give vanilla.

    Args:
        preset: Its name; None for the usual one.
        options: Those that were given.
        sets: Of ``--set``.
        own: Of the options for learning rate, latent and decoder size.

    Raises:
        UsageError: A setting is one of a method, or has several values.
    """
    from vaecli.core.errors import UsageError
    from vaecli.remedies import method_names
    from vaecli.settings.resolve import load_settings

    for text in sets:
        if (name := text.split(".")[0].strip()) in method_names():
            raise UsageError(
                f"--set {text}: the values of {name} here are those that the atlas has tried; leave it out"
            )
    keys = ("training.learning_rate", "model.latent_size", "model.decoder_size")
    given_options = [f"{key}={value!r}" for key, value in zip(keys, own, strict=True) if value is not None]
    settings = load_settings(
        None,
        preset=preset,
        options=options,
        sets=[*sets, *given_options],
        environment=os.environ,
        methods=["vanilla"],
        experiment="advise",
    )
    for key, values in settings.choices.items():
        listed = ",".join(map(str, values))
        raise UsageError(f"{key}={listed}: advice is for one value of each setting; ask for each value apart")
    for note in settings.notes:
        tell(f"vae: {note}")
    return settings.config("vanilla", settings.seeds[0], "advise")


def named(methods: Sequence[str], adviser: Adviser) -> list[str]:
    """The methods that are asked for, all of the atlas without any.

    Raises:
        UsageError: The atlas has none of a name, or too few of all of them.
    """
    from vaecli.atlas.adviser import LEAST
    from vaecli.core.errors import UsageError, listed
    from vaecli.settings.resolve import parse_methods

    tried = list(dict.fromkeys(adviser.frame["method"]))
    if not methods or methods == ["all"]:
        return tried
    asked = list(parse_methods(methods))
    for name in asked:
        if name not in tried:
            raise UsageError(f"--methods {name}: the atlas has no trial of it; `vae compare --methods {name}` tries it")
    if adviser.few(asked) == asked:
        counts = listed(f"{adviser.counts[name]} of {name}" for name in asked)
        raise UsageError(f"too few trials in the atlas, {counts}, where {LEAST} are needed; `vae compare` tries them")
    return asked


def rowless(names: Sequence[str], adviser: Adviser, *, all_methods: bool) -> dict[str, list[str]]:
    """The methods that have no row whatever the run, by the reason; see `advice_table.REASONS`.

    Args:
        names: Those that the atlas has of those that are asked for.
        adviser: What it says.
        all_methods: Whether all are asked for, so that those that it doesn't have are told too.
    """
    from vaecli.remedies import is_available, registry, remedy_class

    untried = [name for name in registry() if name not in adviser.counts] if all_methods else []
    no_kl = [name for name in untried if is_available(name) and "kl" in remedy_class(name).undefined]
    return {
        "too_few_trials": adviser.few(names),
        "no_trial": [name for name in untried if name not in no_kl],
        "no_kl": no_kl,
    }


def epochs_within(
    limit: float, names: Sequence[str], config: RunConfig, corpus: Corpus, progress: Silent
) -> dict[str, int]:
    """The epochs of each method that fit into a budget, at most those of the settings; none of a method that is dear.

    Args:
        limit: Seconds.
        names: Methods.
        config: Of vanilla's run.
        corpus: Its corpus.
        progress: Hears what takes a while.

    Raises:
        UsageError: Not even one epoch of any method fits.
    """
    from vaecli.core.durations import duration
    from vaecli.core.errors import UsageError
    from vaecli.remedies import remedy_class
    from vaecli.training.timing import seconds_per_epoch

    progress.doing("timing a few updates of vanilla")
    _, pace = seconds_per_epoch(config, corpus)
    fit = {name: min(int(limit / (pace * remedy_class(name).cost)), config.training.epochs) for name in names}
    epochs = {name: count for name, count in fit.items() if count}
    if not epochs:
        raise UsageError(
            f"--budget {duration(limit)}: an epoch of vanilla takes about {duration(pace)} here; give more"
        )
    return epochs


def query(config: RunConfig, features: Mapping[str, float], sentences: int, epochs: int) -> pd.DataFrame:
    """A run as the atlas describes its trials."""
    from vaecli.atlas.adviser import query_of
    from vaecli.corpus.batches import batches_per_epoch

    training = config.training
    settings = {
        "learning_rate": training.learning_rate,
        "optimizer": training.optimizer,
        "decoder_size": config.model.decoder_size,
        "latent_size": config.model.latent_size,
        "updates": epochs * batches_per_epoch(sentences, training.batch_size),
        "batch_size": training.batch_size,
    }
    return query_of(settings, features)


def show(
    adviser: Adviser,
    queries: Mapping[str, pd.DataFrame],
    epochs: Mapping[str, int],
    without: Mapping[str, Sequence[str]],
    *,
    top: int,
    json: bool,
    csv: str | None,
    quiet: bool,
) -> None:
    """Prints the rows, and of which methods there is none and why."""
    from dataclasses import replace
    from pathlib import Path

    from vaecli.catalogue.advice_table import advice_json, advice_view, rowless_line
    from vaecli.core.files import write_output
    from vaecli.reporting.formats import to_csv
    from vaecli.reporting.terminal import Target, to_text

    rows = adviser.rows(queries)
    view, line = advice_view(rows[:top], adviser.frame, epochs), rowless_line(without)
    if csv is not None and csv != "-":
        write_output(Path(csv), to_csv([view]))
    if csv == "-":
        sys.stdout.write(to_csv([view]))
    elif json:
        near = min(map(adviser.nearness, queries.values()), key=lambda one: one.distance)
        sys.stdout.write(advice_json(view, near, len(adviser.frame), without))
    else:
        sys.stdout.write(to_text(replace(view, notes=(*view.notes, *filter(None, [line]))), Target.stdout()))
    if not quiet and len(rows) > top:
        tell(f"{counted(len(rows) - top, 'row')} more, by --top {len(rows)}")
    if not quiet and line and (json or csv == "-"):
        tell(line)
