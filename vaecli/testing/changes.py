"""What a remedy really changes, seen from a tiny model of it beside a vanilla one that started from the same seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from vaecli.config import build_config
from vaecli.corpus.types import Batch, Corpus
from vaecli.model.parameter_groups import PARAMETER_GROUPS, group_parameters
from vaecli.model.posterior import DiagonalGaussian, GaussianHead
from vaecli.model.vae import VAE, Parts, initialise, vanilla_parts
from vaecli.objective import raw_terms
from vaecli.remedies.core.compose import compose
from vaecli.remedies.core.remedy import Need, Part, Phase, Remedy, Step
from vaecli.remedies.shared.aggregate import sentence_information
from vaecli.testing.owed import ContractError
from vaecli.testing.tiny import VOCABULARY_SIZE, clock, tiny_batch, tiny_shape, tiny_split
from vaecli.training.session import TrainingSession

LARGE = 1e3
"""A factor on features at which bounds of a posterior show that are out of reach at the start."""
CLOCKS = (0, 13, 39)
"""Steps of a run of 40 at which an objective is looked at."""
WEIGHT, EXTRA = 0.37, 0.5
"""KL weight and added terms before an objective, so that one that sets them to 1 or 0 shows."""
TENSORS = ("nll", "kl", "extra", "z")
"""The terms that are tensors before an objective."""


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal, tensors and all that holds tensors included."""
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        both = isinstance(one, Tensor) and isinstance(other, Tensor)
        return both and one.shape == other.shape and torch.equal(one, other)
    if type(one) is not type(other):
        return False
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


def seeded(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function's value with torch's generator at one state."""
    torch.manual_seed(7)
    return function(*arguments)


def in_mode(training: bool, *modules: nn.Module) -> None:
    """Puts modules into training or evaluation mode."""
    for module in modules:
        module.train(training)


def vanilla_for(model: VAE) -> VAE:
    """A vanilla model that started from the same seed, its head as wide as the other's encoder."""
    parts = vanilla_parts(model.shape)
    if model.encoder is not None:
        parts = replace(parts, head=GaussianHead(model.encoder.feature_size, model.shape.model.latent_size))
    vanilla = VAE(parts)
    initialise(vanilla, model.shape.model, 0)
    return vanilla


def encoder_changes(model: VAE, vanilla: VAE, batch: Batch) -> Iterator[Part]:
    """Of the encoder's input, the encoder and the posterior."""
    if model.encoder is None or model.head is None or vanilla.encoder is None or vanilla.head is None:
        yield from (part for part, has in ((Part.ENCODER, model.encoder), (Part.POSTERIOR, model.head)) if has is None)
        return
    if model.encoder_noise is not None and not same(seeded(model.encoder_noise, batch).tokens, batch.tokens):
        yield Part.ENCODER_INPUT
    encoding = seeded(model.encoder, batch)
    if not same(encoding, seeded(vanilla.encoder, batch)):
        yield Part.ENCODER
    for factor in (1.0, LARGE):
        scaled = replace(encoding, features=factor * encoding.features, states=factor * encoding.states)
        if not same(seeded(model.head, scaled), seeded(vanilla.head, scaled)):
            yield Part.POSTERIOR
    if model.refine is not None and not same(seeded(model.posterior, batch, encoding), seeded(model.head, encoding)):
        yield Part.INFERENCE


def decoder_changes(model: VAE, vanilla: VAE, batch: Batch) -> Iterator[Part]:
    """Of the prior, the decoder and its input."""
    mine, plain = model.prior, vanilla.prior
    z = torch.linspace(-1, 1, 3 * plain.latent_size).view(3, -1)
    alike = (mine.latent_size, mine.noise_size) == (plain.latent_size, plain.noise_size)
    if not (alike and same(mine.log_prob(z), plain.log_prob(z)) and same(mine.sample(z), plain.sample(z))):
        yield Part.PRIOR
    heard = seeded(model.input_noise, batch.inputs)
    if not (same(heard, batch.inputs) and same(model.decoder.embedding(heard), vanilla.decoder.embedding(heard))):
        yield Part.DECODER_INPUT
    reader = copy.deepcopy(model.decoder)
    reader.embedding = vanilla.decoder.embedding
    z = torch.linspace(-1, 1, batch.size * vanilla.latent_size).view(batch.size, -1)
    if reader.latent_size != vanilla.latent_size or not same(
        seeded(reader.token_nll, z, batch.inputs, batch), seeded(vanilla.decoder.token_nll, z, batch.inputs, batch)
    ):
        yield Part.DECODER


def objective_changes(remedy: Remedy, model: VAE, batch: Batch) -> Iterator[Part]:
    """Of the KL, its weight and the added terms, in value or in gradient.

    Raises:
        ContractError: It changes what no objective may, or anything in place, or its KL weight has a gradient.
    """
    for step in CLOCKS:
        raw = seeded(raw_terms, model, batch)
        raw = replace(raw, kl_weight=WEIGHT, extra=raw.extra + EXTRA)
        begun = {name: getattr(raw, name)._version for name in TENSORS}  # what is changed in place equals itself
        terms = seeded(compose([remedy]).objective, raw, clock(step))
        for name, version in begun.items():
            if getattr(raw, name)._version != version:
                free = name in ("kl", "extra")
                way = f"give others by replace(terms, {name}=...)" if free else "it has to leave them"
                raise ContractError(f"{remedy.name}: `objective` changes `{name}` of the given terms in place; {way}")
        for kept, what in (("nll", "-log p(x|z)"), ("z", "z")):
            if not same(getattr(terms, kept), getattr(raw, kept)):
                raise ContractError(f"{remedy.name}: an objective has to leave {what}")
        if not (same(terms.kl, raw.kl) and same(slope(terms.kl, model), slope(raw.kl, model))):
            yield Part.KL
        if not same(torch.as_tensor(terms.kl_weight), torch.as_tensor(raw.kl_weight)):
            yield Part.KL_WEIGHT
        if isinstance(terms.kl_weight, Tensor) and slope(terms.kl_weight, model).any():
            raise ContractError(
                f"{remedy.name}: `objective` gives a `kl_weight` that the encoder is trained by; detach what it is"
                " made of, or change `kl` if that is meant"
            )
        if not same(terms.extra, raw.extra):
            yield Part.TERM


def slope(kl: Tensor, model: VAE) -> Tensor:
    """The gradient of a KL by the head's parameters, 0 where there is none."""
    parameters = [] if model.head is None else [p for p in model.head.parameters() if p.requires_grad]
    if not parameters or not kl.requires_grad:
        return torch.zeros(())
    grads = torch.autograd.grad(kl.sum(), parameters, retain_graph=True, allow_unused=True)
    return torch.cat([g.flatten() for g in grads if g is not None] or [torch.zeros(1)])


class TinyWords:
    """The vocabulary of the tiny corpora, as far as a session asks."""

    words = tuple(map(str, range(VOCABULARY_SIZE)))

    def __len__(self) -> int:
        return VOCABULARY_SIZE


def session_of(*remedies: Remedy, init_range: float | None = None) -> TrainingSession:
    """A session on the tiny corpus; its model starts from seed 0, its weights within `init_range`."""
    config = build_config({"training": {"epochs": 4, "batch_size": 4}})
    corpus = Corpus("tiny", cast("Any", TinyWords()), tiny_split(8), tiny_split(4), tiny_split(4), "none")
    method = compose(remedies)
    model = method.build(tiny_shape(init_range=init_range), 0).train()
    return TrainingSession(model, method, corpus, config, torch.device("cpu"))


def after_updates(session: TrainingSession, step: Step, updates: int = 2) -> TrainingSession:
    """The session after updates that `step` makes on the first batch of the corpus."""
    torch.manual_seed(3)
    for _ in range(updates):
        step(tiny_batch(4))
    return session


def step_changes(remedy: Remedy) -> Iterator[Part]:
    """Whether the updates of a remedy leave anything else behind than plain updates of the same objective."""
    wrapped, plain = session_of(remedy), session_of(remedy)
    plain.step = plain._plain_step  # of the same objective, not wrapped
    after_updates(wrapped, wrapped.step)
    after_updates(plain, plain.step)
    mine, other = wrapped.model.state_dict(), plain.model.state_dict()
    if not all(torch.equal(value, other[key]) for key, value in mine.items()):
        yield Part.STEP


def first_update_is_plain(remedy: Remedy) -> bool:
    """Whether one update of a remedy moves the weights of the main optimisers as a plain one does."""
    wrapped, plain = session_of(remedy), session_of(remedy)
    after_updates(wrapped, wrapped.step, 1)
    after_updates(plain, plain._plain_step, 1)
    both = ([p for g in PARAMETER_GROUPS for p in group_parameters(s.model, g)] for s in (wrapped, plain))
    return all(torch.equal(a, b) for a, b in zip(*both, strict=True))


def changes(remedy: Remedy) -> set[Part]:
    """The parts that a remedy really changes, in training or in evaluation."""
    model, batch = compose([remedy]).build(tiny_shape(), 0), tiny_batch(8)
    vanilla = vanilla_for(model)
    parts: set[Part] = set()
    for training in (True, False):
        in_mode(training, model, vanilla)
        parts.update(encoder_changes(model, vanilla, batch), decoder_changes(model, vanilla, batch))
    in_mode(True, model)
    parts.update(objective_changes(remedy, model, batch), step_changes(remedy))
    if remedy.phases() != (Phase(),):
        parts.add(Part.PHASES)
    return parts


def takes(remedy: Remedy) -> set[Need]:
    """The needs that a remedy takes away by itself, seen from its model."""
    model, batch = compose([remedy]).build(tiny_shape(init_range=0.5), 0).train(), tiny_batch(8)
    needs = {need for need, has in ((Need.LATENT, model.has_latent), (Need.ENCODER, model.encoder)) if not has}
    if model.has_latent and model.latent_size != tiny_shape().model.latent_size:
        needs.add(Need.LATENT_SIZE)
    terms, posterior = seeded(raw_terms, model, batch), None
    if model.encoder is not None and model.head is not None:
        posterior = model.head(seeded(model.encoder, batch))
    if posterior is None or not posterior.has_density:
        needs.add(Need.DENSITY)
    elif not slope(sentence_information(terms.context.posterior, terms.z), model).any():
        needs.add(Need.MOVABLE_DENSITY)
    if not isinstance(posterior, DiagonalGaussian):
        needs.add(Need.GAUSSIAN)
    if not slope(terms.kl, model).abs().max() > 1e-6:
        needs.add(Need.MOVABLE_KL)
    apart = torch.zeros(()) if posterior is None else posterior.mean.var(0, correction=0).sum()
    if not slope(apart, model).abs().max() > 1e-5 * apart:  # a normalisation leaves what rounding does
        needs.add(Need.MOVABLE_SPREAD)
    return needs


def snapshot(parts: Parts) -> dict[str, Any]:
    """All that the hook `build` could change in the parts it is given."""
    modules = {name: getattr(parts, name) for name in ("encoder", "head", "prior", "decoder", "input_noise")}
    modules |= {f"aux.{name}": module for name, module in parts.aux.items()} | {"noise": parts.encoder_noise}
    there = {at: top for at, top in modules.items() if top is not None}
    inside = [
        (at, name, module, module.training, {k: v for k, v in vars(module).items() if not k.startswith("_")})
        for at, top in there.items()
        for name, module in top.named_modules()
    ]
    tensors = [
        (at, key, value.clone()) for at, top in modules.items() if top for key, value in top.state_dict().items()
    ]
    grads = [p.requires_grad for top in modules.values() if top is not None for p in top.parameters()]
    return {"modules": inside, "tensors": tensors, "grads": grads, "aux": dict(parts.aux)}


def unchanged(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether two snapshots of one set of parts are the same, module by module."""
    if [x[:4] for x in before["modules"]] != [x[:4] for x in after["modules"]]:
        return False
    attributes = zip(before["modules"], after["modules"], strict=True)
    if not all(a[4].keys() == b[4].keys() and all(same(a[4][k], b[4][k]) for k in a[4]) for a, b in attributes):
        return False
    if (before["grads"], before["aux"]) != (after["grads"], after["aux"]):
        return False
    pairs = zip(before["tensors"], after["tensors"], strict=True)
    return all(a[:2] == b[:2] and torch.equal(a[2], b[2]) for a, b in pairs)
