"""Settings that somebody says and that change nothing beside the others, each told in a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from vaecli.config import GROUPS, RunConfig
from vaecli.core.errors import UsageError
from vaecli.corpus.origins import EMBEDDED
from vaecli.metrics.extras.registry import REFERENCED, SAMPLED
from vaecli.remedies import make_method
from vaecli.remedies.core.parts import Need, Part, all_taken
from vaecli.settings.layers import Layer

if TYPE_CHECKING:
    from vaecli.settings.resolve import Settings

SIZES = ("train_size", "valid_size", "test_size")


def unused_settings(layers: Sequence[Layer], settings: Settings) -> Iterator[str]:
    """A line for each setting that changes nothing in any trial that it concerns.

    Args:
        layers: What was said here and now; files say every setting, whether the others leave it an effect or not.
        settings: All of them, checked.
    """
    said = {".".join(path): location for layer in layers for path, location in layer.locations.items()}
    may_be = [key for key in said if key.partition(".")[0] not in GROUPS or key in GROUP_KEYS]
    if not may_be:
        return
    idle = [(config, idle_settings(config)) for config in _configs(settings)]
    for key in may_be:
        owner = key.partition(".")[0]
        whys = [why.get(key) for config, why in idle if owner in GROUPS or owner in config.method.split("+")]
        if whys and all(whys):
            yield f"{said[key]} changes nothing: {whys[0]}"


def _configs(settings: Settings) -> Iterator[RunConfig]:
    """Of each variant of each method that can be made; what is wrong with another is told where it is made."""
    for method in settings.methods:
        for variant in settings.variants(method):
            with suppress(UsageError):
                yield settings.config(method, settings.seeds[0], variant=variant)


def method_notes(settings: Settings) -> list[str]:
    """What of a remedy doesn't hold or has no effect beside the others of its method, a line each."""
    notes = dict.fromkeys(
        f"{config.method}: {note}"
        for config in _configs(settings)
        if "+" in config.method
        for note in make_method(config.method, config.hyper).notes()
    )
    return list(notes)


def idle_settings(config: RunConfig) -> dict[str, str]:
    """The settings of a run that the others leave without an effect, by key, with the reason."""
    return {
        **_of_corpus(config),
        **_of_model(config),
        **_of_decays(config),
        **_of_evaluation(config),
        **_of_remedies(config),
    }


def _of_corpus(config: RunConfig) -> dict[str, str]:
    data = config.corpus.data
    if data in EMBEDDED:
        return {}
    return {f"corpus.{key}": f"{data} is no text of the program's own, and is taken whole" for key in SIZES}


def _of_model(config: RunConfig) -> dict[str, str]:
    remedies = make_method(config.method, config.hyper).remedies
    taken = {need: remedy.name for remedy in remedies for need in all_taken(type(remedy))}
    own = {part: remedy.name for remedy in remedies for part in remedy.owns}
    idle: dict[str, str] = {}
    if config.model.decoder == "oracle":
        fixed = "model.decoder=oracle is the decoder that wrote the corpus, with its sizes and without dropout"
        idle |= dict.fromkeys(("model.decoder_size", "model.embedding_dropout", "model.output_dropout"), fixed)
    elif Part.DECODER in own:
        idle["model.decoder"] = f"{own[Part.DECODER]!r} brings a decoder of its own"
    if Need.LATENT_SIZE in taken:
        idle["model.latent_size"] = f"the codes of {taken[Need.LATENT_SIZE]!r} have a size of their own"
    return idle


def _of_decays(config: RunConfig) -> dict[str, str]:
    training = config.training
    if training.decay_start >= training.epochs:
        why = f"no decay is made before epoch {training.decay_start:,} (training.decay_start), of {training.epochs:,}"
        return dict.fromkeys([f"training.{key}" for key in ("patience", "decay", "max_decays", "reload_best")], why)
    if not training.max_decays:
        why = "training.max_decays=0 stops at the first stall, where a decay would be"
        return {"training.decay": why, "training.reload_best": why}
    return {}


def _of_evaluation(config: RunConfig) -> dict[str, str]:
    settings, idle = config.evaluation, dict[str, str]()
    for key, users in (("reference", REFERENCED), ("sentences", SAMPLED)):
        if users & set(settings.extra) or (key == "sentences" and settings.posteriors_every):
            continue
        wanted = " or ".join(sorted(users))
        idle[f"evaluation.{key}"] = f"it goes with evaluation.extra={wanted}, or with `vae evaluate` of them later"
    return idle


def _of_remedies(config: RunConfig) -> dict[str, str]:
    own = make_method(config.method, config.hyper).idle(config.training.epochs)
    return {f"{name}.{key}": why for name, table in own.items() for key, why in table.items()}


GROUP_KEYS = frozenset(
    {
        *(f"corpus.{key}" for key in SIZES),
        *(f"model.{key}" for key in ("decoder", "decoder_size", "embedding_dropout", "output_dropout", "latent_size")),
        *(f"training.{key}" for key in ("patience", "decay", "max_decays", "reload_best")),
        *(f"evaluation.{key}" for key in ("reference", "sentences")),
    }
)
"""Settings of groups that `idle_settings` may name."""
