"""``vae generate``: sentences of a trained run, from the prior, from posteriors and between two of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vaecli.cli import options as o

if TYPE_CHECKING:
    from torch import Tensor

    from vaecli.model.decoding import Sentence
    from vaecli.runs.loaded_run import LoadedRun

Join = Callable[[list[str]], str]
"""Words to a line."""

SOURCES = ("prior", "posterior", "interpolate")
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class GenerationRequest:
    """What is wanted.

    Attributes:
        source: One of `SOURCES`.
        count: Sentences.
        temperature: Words are drawn at it; None where they are decoded.
        beam: Size of the beam; 1 decodes greedily; None where words are drawn.
        seed: Seed of codes, words and choice of sentences.
        split: Name of the split whose sentences are encoded.
    """

    source: str
    count: int
    temperature: float | None
    beam: int | None
    seed: int
    split: str


@dataclass(frozen=True)
class Codes:
    """Codes to decode.

    Attributes:
        z: (S, Z).
        about: What is known of each, for `--json`: ``source`` as words, or ``weight`` on the way between two.
        ends: The two sentences that an interpolation leads from and to.
    """

    z: Tensor
    about: list[dict[str, Any]]
    ends: tuple[list[str], ...] = ()


def generate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, OUT/NAME/METHOD/seed-N.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Sentences.")] = 10,
    source: Annotated[
        str, typer.Option("--from", help="prior, posterior (reconstructions) or interpolate (between two sentences).")
    ] = "prior",
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", help="Draw words at it; 1 is the model's own. (default: 1 from the prior)"),
    ] = None,
    beam: Annotated[
        int | None,
        typer.Option("--beam", min=1, help="Decode by a beam of this size; 1 is greedy. (default: 1 from posteriors)"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of codes, words and choice of sentences.")] = 0,
    split: Annotated[
        str | None,
        typer.Option("--split", help="Encode sentences of train, valid or test. (default: the run's, mostly test)"),
    ] = None,
    device: o.Device = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Print the model's words or pieces as they are, with blanks between.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A list of objects, with words, text and log probability.")
    ] = False,
) -> None:
    """Print sentences that a run generates, one a line, as text: what the tokenizer did is undone.

    Reconstructions stand behind their source and a tab. An interpolation leads from the mean of one sentence's
    posterior to that of another, both ends included.
    """
    check_options(source, temperature, beam, split, count)
    if tokens and as_json:
        from vaecli.core.errors import UsageError

        raise UsageError("--tokens changes nothing in --json, which has `words` and `text`; keep one")
    from vaecli.runs.loaded_run import load_run

    loaded = load_run(run, device)
    if beam is None and temperature is None and source == "prior":
        temperature = 1.0
    elif beam is None and temperature is None:
        beam = 1
    request = GenerationRequest(source, count, temperature, beam, seed, split or loaded.config.evaluation.split)
    codes = make_codes(loaded, request)
    sentences = decode(loaded, request, codes)
    vocabulary = loaded.vocabulary
    decoded = [vocabulary.decode(sentence.words) for sentence in sentences]
    if as_json:
        write_json(decoded, sentences, codes, vocabulary.tokenizer.text)
    else:
        write_text(decoded, codes, " ".join if tokens else vocabulary.tokenizer.text)


def check_options(source: str, temperature: float | None, beam: int | None, split: str | None, count: int) -> None:
    """Refuses what does not go together, before anything is loaded.

    Raises:
        UsageError: Names the option and the way out.
    """
    import math

    from vaecli.core.errors import UsageError, unknown

    if source not in SOURCES:
        raise unknown("source", source, SOURCES, "--from")
    if split is not None and split not in SPLITS:
        raise unknown("split", split, SPLITS, "--split")
    if split is not None and source == "prior":
        raise UsageError("--split chooses the sentences that are encoded; it goes with --from posterior or interpolate")
    if temperature is not None and beam is not None:
        raise UsageError("--temperature draws words and --beam searches for the best; keep one")
    if temperature is not None and not (temperature > 0 and math.isfinite(temperature)):
        raise UsageError(f"--temperature {temperature}: it has to be above 0 and finite; --beam 1 decodes greedily")
    if source == "interpolate" and count < 2:
        raise UsageError("--count 1: an interpolation has two ends; ask for 2 or more")


def make_codes(run: LoadedRun, request: GenerationRequest) -> Codes:
    """The codes that are asked for.

    Raises:
        UsageError: The model has no posterior, or the split not enough sentences.
    """
    import torch

    from vaecli.core.errors import UsageError
    from vaecli.metrics.extras.text.samples import prior_codes

    if request.source == "prior":
        z = prior_codes(run.model, run.sampling(request.seed), request.count)
        return Codes(z, [{} for _ in range(request.count)])
    if not run.model.has_latent:
        raise UsageError(f"--from {request.source}: {run.method.name!r} has no latent variable; use --from prior")
    between = request.source == "interpolate"
    sources, means = encode_some(run, request, 2 if between else request.count)
    if not between:
        return Codes(means, [{"source": words} for words in sources])
    weights = torch.linspace(0, 1, request.count, dtype=means.dtype, device=means.device).unsqueeze(1)
    z = (1 - weights) * means[0] + weights * means[1]
    return Codes(z, [{"weight": w} for w in weights.squeeze(1).tolist()], tuple(sources))


def encode_some(run: LoadedRun, request: GenerationRequest, count: int) -> tuple[list[list[str]], Tensor]:
    """The words of sentences that the seed chooses, and their (count, Z) posterior means.

    Raises:
        UsageError: The split has fewer.
    """
    import torch

    from vaecli.core.errors import UsageError
    from vaecli.core.seeds import stable_seed
    from vaecli.metrics.extras.text.reconstruction import posterior_means, sources
    from vaecli.metrics.extras.text.samples import as_split
    from vaecli.metrics.scoring import Scoring

    split = run.corpus.split(request.split)
    if count > len(split):
        raise UsageError(f"{count} sentences are asked for, but {request.split} has {len(split)}; lower --count")
    generator = torch.Generator().manual_seed(stable_seed(request.seed, "generate"))
    chosen = [split.sentence(n) for n in torch.randperm(len(split), generator=generator)[:count].tolist()]
    part = as_split(chosen, request.split)
    means = posterior_means(run.model, Scoring.exact(part, run.config.evaluation, request.seed, run.device))
    return [run.vocabulary.decode(words) for words in sources(part)], means


def decode(run: LoadedRun, request: GenerationRequest, codes: Codes) -> list[Sentence]:
    """A sentence a code, as long as the longest of the corpus at most."""
    from vaecli.metrics.extras.text.reconstruction import decode_codes
    from vaecli.metrics.extras.text.samples import sample_codes

    sampling = run.sampling(request.seed)
    if request.beam is None:
        assert request.temperature is not None
        return sample_codes(run.model, sampling, codes.z, run.longest, request.temperature)
    return decode_codes(run.model, sampling, codes.z, run.longest, request.beam)


def write_text(decoded: list[list[str]], codes: Codes, join: Join) -> None:
    """The sentences on stdout, the ends of an interpolation on stderr; nothing in a word can steer a terminal."""
    for label, words in zip(("from", "to"), codes.ends, strict=False):
        print(f"{label}: {line(join(words))}", file=sys.stderr)
    for words, about in zip(decoded, codes.about, strict=True):
        text = f"{line(join(about['source']))}\t{line(join(words))}" if "source" in about else line(join(words))
        sys.stdout.write(text + "\n")


def line(text: str) -> str:
    """A line with other characters than printable ones, and those stdout can't show, as escapes."""
    from vaecli.core.messages import printable

    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)


def write_json(decoded: list[list[str]], sentences: list[Sentence], codes: Codes, join: Join) -> None:
    """A list of objects: ``words``, ``text``, ``log_prob`` in nats, and what is known of each code.

    That is ``source``, or ``weight``, ``from`` and ``to``; sentences are lists of words, with ``_text`` lines.
    """
    import json

    ends = dict(zip(("from", "to"), codes.ends, strict=False))
    values = []
    for words, sentence, about in zip(decoded, sentences, codes.about, strict=True):
        more = {**about, **ends}
        texts = {f"{name}_text": join(value) for name, value in more.items() if isinstance(value, list)}
        values.append({"words": words, "text": join(words), "log_prob": sentence.log_prob, **more, **texts})
    utf8 = (getattr(sys.stdout, "encoding", None) or "ascii").lower().startswith("utf")
    sys.stdout.write(json.dumps(values, indent=2, ensure_ascii=not utf8) + "\n")
