"""``vae generate``: sentences of a trained run, from the prior, from posteriors and between two of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vaecli.cli import options as o

if TYPE_CHECKING:
    from torch import Tensor

    from vaecli.model.decoding import Drawing, Sentence
    from vaecli.runs.loaded_run import LoadedRun

Join = Callable[[list[str]], str]
"""Words to a line."""

SOURCES = ("prior", "posterior", "interpolate")
SPLITS = ("train", "valid", "test")
DECODINGS = ("greedy", "beam", "sample")
BEAM = 5
"""Size of a beam that was asked for without one."""


@dataclass(frozen=True)
class GenerationRequest:
    """What is wanted.

    Attributes:
        source: One of `SOURCES`.
        count: Sentences.
        drawing: How words are drawn; None where they are decoded.
        beam: Size of the beam; 1 decodes greedily.
        seed: Seed of codes, words and choice of sentences.
        split: Name of the split whose sentences are encoded.
        texts: Sentences to encode instead.
    """

    source: str
    count: int
    drawing: Drawing | None
    beam: int
    seed: int
    split: str
    texts: tuple[str, ...] = ()


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
    run: o.Run,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="Sentences. (default: 10)", show_default=False)
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="prior, posterior (reconstructions) or interpolate. (default: prior; posterior where there is --text)",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", help="A sentence to encode, instead of the split's; repeat it. - reads lines of stdin."),
    ] = None,
    decoding: Annotated[
        str | None,
        typer.Option(
            "--decoding",
            help="greedy, beam or sample. (default: sample from the prior, greedy from posteriors)",
            show_default=False,
        ),
    ] = None,
    beam: Annotated[
        int | None, typer.Option("--beam", min=1, help="Size of the beam. (default: 5)", show_default=False)
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", help="Of drawn words; 1 is the model's own. (default: 1)", show_default=False),
    ] = None,
    top_k: Annotated[
        int, typer.Option("--top-k", min=0, help="Draw from the so many most probable words; 0 is all.")
    ] = 0,
    top_p: Annotated[
        float, typer.Option("--top-p", help="Draw from the most probable words that together reach this; 1 is all.")
    ] = 1.0,
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
    posterior to that of another, both ends included: on a straight line, on a great circle of a sphere, and between
    discrete codes by swapping the classes of one variable after the other.
    """
    if tokens and as_json:
        from vaecli.core.errors import UsageError

        raise UsageError("--tokens changes nothing in --json, which has `words` and `text`; keep one")
    drawn = {"temperature": temperature, "top_k": top_k or None, "top_p": top_p if top_p != 1 else None}
    texts = read_texts(text or [])
    chosen = source or ("posterior" if texts else "prior")
    check_sources(chosen, split, texts, count)
    count = 10 if count is None else count
    words = choose_decoding(chosen, decoding, beam, {name: value for name, value in drawn.items() if value is not None})
    from vaecli.runs.loaded_run import load_run

    loaded = load_run(run, device)
    part = split or loaded.config.evaluation.split
    request = GenerationRequest(chosen, count, *words, seed, part, tuple(texts))
    codes = make_codes(loaded, request)
    sentences = decode(loaded, request, codes)
    vocabulary = loaded.vocabulary
    decoded = [vocabulary.decode(sentence.words) for sentence in sentences]
    if as_json:
        write_json(decoded, sentences, codes, vocabulary.tokenizer.text)
    else:
        write_text(decoded, codes, " ".join if tokens else vocabulary.tokenizer.text)


def read_texts(texts: list[str]) -> list[str]:
    """The sentences of ``--text``; ``-`` stands for the lines of stdin."""
    from vaecli.cli.codes import read_sentences

    return [line for text in texts for line in (read_sentences("-") if text == "-" else [text])]


def check_sources(source: str, split: str | None, texts: list[str], count: int | None) -> None:
    """Refuses what does not go together, before anything is loaded.

    Raises:
        UsageError: Names the option and the way out.
    """
    from vaecli.core.errors import UsageError, unknown

    if source not in SOURCES:
        raise unknown("source", source, SOURCES, "--from")
    if split is not None and split not in SPLITS:
        raise unknown("split", split, SPLITS, "--split")
    if split is not None and (source == "prior" or texts):
        raise UsageError("--split chooses the sentences that are encoded; it goes with --from posterior or interpolate")
    if texts and source == "prior":
        raise UsageError("--text is encoded, and the prior needs no sentence; use --from posterior or interpolate")
    if source == "interpolate" and texts and len(texts) != 2:
        raise UsageError(f"--from interpolate leads from one sentence to another: give two --text, not {len(texts)}")
    if source == "posterior" and texts and count is not None:
        raise UsageError(f"--count {count}: each --text gives one sentence; leave --count out, or repeat --text")
    if source == "interpolate" and count is not None and count < 2:
        raise UsageError("--count 1: an interpolation has two ends; ask for 2 or more")


def choose_decoding(
    source: str, decoding: str | None, beam: int | None, drawn: Mapping[str, float]
) -> tuple[Drawing | None, int]:
    """How codes become sentences: how words are drawn, or None and the size of a beam.

    Args:
        source: One of `SOURCES`.
        decoding: As asked for; what other options imply without.
        beam: As asked for.
        drawn: Fields of `Drawing` that are asked for.

    Raises:
        UsageError: Options that contradict each other, or a value out of range.
    """
    import math

    from vaecli.core.errors import UsageError, unknown
    from vaecli.model.decoding import Drawing

    if drawn and beam is not None:
        option = "--" + next(iter(drawn)).replace("_", "-")
        raise UsageError(f"{option} draws words and --beam searches for the best; keep one")
    implied = "sample" if drawn else "greedy" if beam == 1 else "beam" if beam is not None else None
    kind = decoding or implied or ("sample" if source == "prior" else "greedy")
    if kind not in DECODINGS:
        raise unknown("decoding", kind, DECODINGS, "--decoding")
    if implied is not None and kind != implied:
        raise UsageError(f"--decoding {kind} contradicts the other options, which ask for {implied}; keep one")
    if kind != "sample":
        return None, 1 if kind == "greedy" else beam or BEAM
    temperature, top_k, top_p = drawn.get("temperature", 1.0), int(drawn.get("top_k", 0)), drawn.get("top_p", 1.0)
    if not (temperature > 0 and math.isfinite(temperature)):
        raise UsageError(
            f"--temperature {temperature}: it has to be above 0 and finite; --decoding greedy draws nothing"
        )
    if not 0 < top_p <= 1:
        raise UsageError(f"--top-p {top_p}: it has to be above 0, and 1 at most")
    return Drawing(temperature, top_k, top_p), 1


def make_codes(run: LoadedRun, request: GenerationRequest) -> Codes:
    """The codes that are asked for.

    Raises:
        UsageError: The model has no posterior, or the split not enough sentences.
    """
    import torch

    from vaecli.core.errors import UsageError
    from vaecli.metrics.extras.text.reconstruction import code_of_means, code_path
    from vaecli.metrics.extras.text.samples import prior_codes

    if request.source == "prior":
        z = prior_codes(run.model, run.sampling(request.seed), request.count)
        return Codes(z, [{} for _ in range(request.count)])
    if not run.model.has_latent:
        raise UsageError(f"--from {request.source}: {run.method.name!r} has no latent variable; use --from prior")
    between = request.source == "interpolate"
    if request.texts:
        sources, means = encode_texts(run, request)
    else:
        sources, means = encode_some(run, request, 2 if between else request.count)
    if not between:
        return Codes(code_of_means(run.model, means), [{"source": words} for words in sources])
    z = code_path(run.model, means[0], means[1], request.count)
    weights = torch.linspace(0, 1, request.count, dtype=means.dtype).tolist()
    return Codes(z, [{"weight": w} for w in weights], tuple(sources))


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
    if count > len(split) and request.source == "interpolate":
        told = "an interpolation leads from one sentence to another"
        raise UsageError(f"{told}, and {request.split} has one; give two --text, or another --split")
    if count > len(split):
        raise UsageError(f"{count} sentences are asked for, but {request.split} has {len(split)}; lower --count")
    generator = torch.Generator().manual_seed(stable_seed(request.seed, "generate"))
    chosen = [split.sentence(n) for n in torch.randperm(len(split), generator=generator)[:count].tolist()]
    part = as_split(chosen, request.split)
    means = posterior_means(run.model, Scoring.exact(part, run.config.evaluation, request.seed, run.device))
    return [run.vocabulary.decode(words) for words in sources(part)], means


def encode_texts(run: LoadedRun, request: GenerationRequest) -> tuple[list[list[str]], Tensor]:
    """The words of the sentences that were given, and their posterior means.

    Raises:
        UsageError: One has no word.
    """
    import torch

    from vaecli.api.run import Run

    means = Run(run).encode(request.texts)
    words = [run.words(text) for text in request.texts]
    return words, torch.as_tensor(means, device=run.device)


def decode(run: LoadedRun, request: GenerationRequest, codes: Codes) -> list[Sentence]:
    """A sentence a code, as long as the longest of the corpus at most."""
    from vaecli.metrics.extras.text.reconstruction import decode_codes
    from vaecli.metrics.extras.text.samples import sample_codes

    sampling = run.sampling(request.seed)
    if request.drawing is not None:
        return sample_codes(run.model, sampling, codes.z, run.longest, request.drawing)
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
