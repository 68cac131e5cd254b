"""``vae evaluate``: further measurements of a finished run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vaecli.cli import options as o
from vaecli.core import messages
from vaecli.core.errors import UsageError
from vaecli.core.option_settings import OPTION_SETTINGS

if TYPE_CHECKING:
    from vaecli.runs.evaluation import Evaluated
    from vaecli.runs.folder import RunFolder

SPLITS = ("valid", "test")


def evaluate(
    run: o.Run,
    dimensions: Annotated[
        bool, typer.Option("--dimensions", help="KL and variances of each latent dimension.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Linear probe of the labels on posterior means and on draws of z.")
    ] = False,
    decoder_use: Annotated[
        bool, typer.Option("--decoder-use", help="What z is worth to the decoder, also by position and by word.")
    ] = False,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="Inference gaps, and the noise of the encoder's gradient.")
    ] = False,
    payoff: Annotated[bool, typer.Option("--payoff", help="The two-by-two table of the collapse game.")] = False,
    bleu: Annotated[bool, typer.Option("--bleu", help="BLEU and exact matches of reconstructions.")] = False,
    samples: Annotated[
        bool, typer.Option("--samples", help="Diversity of samples; with --lm also their perplexity.")
    ] = False,
    reverse_ppl: Annotated[
        bool, typer.Option("--reverse-ppl", help="Perplexity under a language model trained on samples.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="All of the above.")] = False,
    iw_samples: Annotated[
        int | None,
        typer.Option(
            "--iw-samples",
            min=1,
            max=OPTION_SETTINGS["evaluation.iw_samples"].most,
            help="Estimate iw_nll again with this many samples.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="valid or test. (default: the run's, mostly test)", show_default=False)
    ] = None,
    sentences: Annotated[
        int | None,
        typer.Option(
            "--sentences",
            min=1,
            help="Sentences of --gaps, --samples and --reverse-ppl. (default: the run's, or 200, 1,000 and 10,000)",
            show_default=False,
        ),
    ] = None,
    lm: Annotated[
        Path | None,
        typer.Option(
            "--lm",
            metavar="RUN",
            help="A run of method lm, for --payoff and --samples. (default: the run's evaluation.reference)",
            show_default=False,
        ),
    ] = None,
    per_sentence: Annotated[
        bool, typer.Option("--per-sentence", help="Also write rec, kl, neg_elbo and iw_nll of each sentence as CSV.")
    ] = False,
    device: o.Device = None,
    json: Annotated[bool, typer.Option("--json", help="Print figures and details as JSON.")] = False,
    quiet: o.Quiet = False,
) -> None:
    """Measure a finished run further and keep the figures with its others.

    They join metrics.json in the run's folder, results.csv, and `vae report --columns`. Figures of another split than
    the run's own stay out of the tables.
    """
    asked = {
        "dimensions": dimensions,
        "probe": probe,
        "decoder_use": decoder_use,
        "gaps": gaps,
        "payoff": payoff,
        "bleu": bleu,
        "samples": samples,
        "reverse_ppl": reverse_ppl,
    }
    if json and per_sentence and not (any(asked.values()) or all_ or iw_samples or split):
        raise UsageError("--json prints figures, and --per-sentence alone measures none; leave one out")
    names = chosen(asked, all_, bool(iw_samples or split or per_sentence), sentences, lm, split)
    from vaecli.runs.evaluation import evaluate_run, request_of, write_sentences
    from vaecli.runs.loaded_run import load_run

    loaded = load_run(run, device)
    use_threads(loaded.config.training.threads)
    request = request_of(loaded, names, split, iw_samples, sentences, lm)
    other = request.split != loaded.config.evaluation.split
    if names or other or iw_samples is not None or json or not per_sentence:

        def finish(evaluated: Evaluated) -> None:
            show(evaluated, json)
            sys.stdout.flush()
            path = keep(loaded.folder, evaluated)
            if not quiet:
                messages.tell(f"kept in {path}")

        evaluate_run(loaded, request, None if quiet else tell, finish)
    if per_sentence:
        table = write_sentences(loaded, request)
        if not quiet:
            messages.tell(f"a row a sentence in {table}")


def chosen(
    asked: dict[str, bool], everything: bool, anyway: bool, sentences: int | None, lm: Path | None, split: str | None
) -> tuple[str, ...]:
    """The evaluations that are asked for, checked before anything is loaded.

    Args:
        asked: By name.
        everything: Whether all are.
        anyway: Whether there is something to measure without any of them.
        sentences: As given.
        lm: As given.
        split: As given.

    Raises:
        UsageError: Nothing is asked for, an unknown split, or an option that none of them makes use of.
    """
    from vaecli.core.errors import unknown
    from vaecli.metrics.extras.registry import BLOCKS, REFERENCED, SAMPLED, check_names

    names = tuple(BLOCKS) if everything else check_names(name for name, wanted in asked.items() if wanted)
    options = ", ".join("--" + name.replace("_", "-") for name in BLOCKS)
    if not names and not anyway:
        raise UsageError(f"nothing is asked for; give one of {options}, --all, --per-sentence, --iw-samples or --split")
    if split is not None and split not in SPLITS:
        raise unknown("split", split, SPLITS, "--split")
    for option, value, users in (("--sentences", sentences, SAMPLED), ("--lm", lm, REFERENCED)):
        if value is not None and not users & set(names):
            wanted = " or ".join("--" + name.replace("_", "-") for name in sorted(users))
            raise UsageError(f"{option} changes nothing here; it goes with {wanted}")
    return names


def keep(folder: RunFolder, evaluated: Evaluated) -> str:
    """Stores what was shown; gives where, in words.

    Raises:
        DataError: It can't be stored; what was measured stands on stdout.
    """
    from vaecli.core.errors import DataError, UnwritableError, VaeError
    from vaecli.runs.evaluation import store

    try:
        return store(folder, evaluated)
    except VaeError as error:
        kind = UnwritableError if isinstance(error, UnwritableError) else DataError
        raise kind(f"measured and shown, but kept nowhere: {error}") from None


def use_threads(count: int) -> None:
    """The run's number of CPU threads; 0 leaves it to torch."""
    import torch

    if count:
        torch.set_num_threads(count)


def tell(name: str) -> None:
    """A line on stderr for what is being measured."""
    print(f"measuring {name} ...", file=sys.stderr, flush=True)


def show(evaluated: Evaluated, as_json: bool) -> None:
    """Figures and tables on stdout."""
    if as_json:
        from vaecli.core.files import dump_json

        values: dict[str, Any] = {"split": evaluated.split, "values": evaluated.all_values, **evaluated.details}
        sys.stdout.write(dump_json(values))
        return
    for name, value in evaluated.all_values.items():
        if value is not None:
            shown = f"{value:z,.4f}" if isinstance(value, float) else f"{value:,}"
            print(f"{name:<20} {shown}")
    for result in evaluated.results.values():
        for line in result.lines:
            print(messages.printable(line))  # which may name words and labels of the corpus
