"""Whether methods can be built with their settings, before anything is trained or written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import torch

from vaecli.config import RunConfig
from vaecli.core.errors import UsageError
from vaecli.core.resources import memory
from vaecli.corpus.types import Corpus
from vaecli.model.vae import VAE
from vaecli.remedies import REMEDIES, make_method, package_of
from vaecli.training.build import build_model
from vaecli.training.device import resolve_device

LARGE = 50_000_000
"""Weights from which a model is built without memory, on the meta device, whose first use takes a second to load."""


def check_methods(configs: Iterable[RunConfig], corpus: Corpus) -> None:
    """Builds every method once for each of its sizes and hyper-parameters.

    Args:
        configs: Of the runs.
        corpus: Theirs.

    Raises:
        UsageError: Methods whose settings don't fit, a line each that names the method; where others fit, with the way
            to run those alone.
    """
    methods, problems = set[str](), dict[str, str]()
    for config in built_apart(configs):
        methods.add(config.method)
        if config.method not in problems and (problem := build_problem(config, corpus)):
            problems[config.method] = problem
    if not problems:
        return
    way = f"; {without(problems)}" if len(problems) < len(methods) else ""
    wrong = [named(name, problem) for name, problem in problems.items()]
    if len(wrong) == 1:
        raise UsageError(wrong[0] + way)
    raise UsageError(f"{len(wrong)} methods can't run{way}:\n  " + "\n  ".join(wrong))


def built_apart(configs: Iterable[RunConfig]) -> list[RunConfig]:
    """The first of those that make one model and are looked at alike, whatever their seed and training."""
    distinct: dict[tuple[str, str, str, bool], RunConfig] = {}
    for config in configs:
        looked_at = config.evaluation.posteriors_every > 0
        distinct.setdefault((config.method, str(config.hyper), str(config.model), looked_at), config)
    return list(distinct.values())


def named(method: str, problem: str, label: str = "") -> str:
    """A problem behind the name of its method, which stands there once, whether the problem begins with it or not.

    Args:
        method: In its one spelling.
        problem: In one line.
        label: How the method is told, where its variants are told apart.
    """
    own = "|".join(map(re.escape, {method, label} - {""}))
    rest = re.sub(rf"^(?:(['\"]?)(?:{own})\1: )+", "", problem)
    return f"{label or method}: {rest}"


def without(methods: Collection[str]) -> str:
    """How the other methods of a grid are run: without these, or without the packages that bring them."""
    packages = {package_of(part)[0] for name in methods for part in name.split("+") if part not in REMEDIES}
    told = "to run the others, name those alone"
    return told + (f", or uninstall {' and '.join(sorted(packages))}" if packages else "")


def build_problem(config: RunConfig, corpus: Corpus) -> str:
    """Why the method of a run can't be built, in one line; empty where it can."""
    looked_at = config.evaluation.posteriors_every > 0
    if looked_at and config.model.latent_size != 1:
        return _several(config.model.latent_size)
    where = torch.device("meta" if looks_large(config, len(corpus.vocabulary)) else "cpu")
    try:
        method = make_method(config.method, config.hyper)
        with torch.random.fork_rng(devices=[]), where:
            model = build_model(method, len(corpus.vocabulary), len(corpus.train), config)
        method.phases()  # refused before anything is written
    except Exception as error:
        return error_line(config.method, error)
    if looked_at and (problem := no_exact_posterior(model)):
        return problem
    need, have = 4 * model.parameter_count, memory()
    if need > have > 0 and resolve_device(config.training.device).type == "cpu":
        return f"its weights alone take {need / 2**30:,.0f} GiB, this machine has {have / 2**30:,.0f}; lower its sizes"
    return ""


def no_exact_posterior(model: VAE) -> str:
    """Why p(z|x) of a model is not looked at while it trains, in one line; empty where it is, or there is no z."""
    if not model.has_latent:
        return ""
    if model.prior.discrete:
        return "evaluation.posteriors_every: the exact posterior is an integral over z, and its codes are discrete"
    return "" if model.latent_size == 1 else _several(model.latent_size)


def _several(size: int) -> str:
    return f"evaluation.posteriors_every: the exact posterior is for model.latent_size 1, got {size}"


def error_line(method: str, error: Exception) -> str:
    """What a method's own code raised, in one line.

    Raises:
        Exception: The error itself, where it is a fault of this program and neither the user's nor another package's.
    """
    if isinstance(error, UsageError):
        return str(error)
    reason = (str(error).strip().splitlines() or [""])[0]
    if any(name not in REMEDIES for name in method.split("+")):
        return f"{type(error).__name__}: {reason}"
    if isinstance(error, RuntimeError | MemoryError | OverflowError):
        return f"can't be built with these sizes: {reason}"
    raise error


def looks_large(config: RunConfig, vocabulary_size: int) -> bool:
    """Whether a model may have `LARGE` weights or more, by its layers' sizes and its remedies' largest number."""
    model = config.model
    width = max(model.embedding_size, model.encoder_size, model.decoder_size, model.latent_size)
    numbers = [value for table in config.hyper.values() for value in table.values() if isinstance(value, int)]
    return (vocabulary_size + 16 * width) * max(width, *numbers, 0) >= LARGE
