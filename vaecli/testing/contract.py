"""What a remedy owes the rest of the program, as checks that a test of its author's runs too.

Each check takes a remedy, a class with its defaults or an object with hyper-parameters at which all that it changes
shows, and raises `ContractError` with the remedy's name and what is wrong.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import load, save
from torch import Tensor

from vaecli.config import GROUPS, EvaluationConfig, build_config
from vaecli.core.checked import problems
from vaecli.core.errors import DivergedError, UsageError, nearest
from vaecli.core.nested import nested
from vaecli.corpus.types import collate
from vaecli.kernels.arithmetic import autocast_is_open
from vaecli.metrics.measure import evaluate
from vaecli.metrics.schema import COLUMNS
from vaecli.model.calibration import calibrate
from vaecli.model.parameter_groups import own_parameters
from vaecli.model.vae import VAE, vanilla_parts
from vaecli.objective import raw_terms
from vaecli.remedies import canonical, load_all, remedy_class
from vaecli.remedies.core.compose import Method, compose, of_kind, refused
from vaecli.remedies.core.parts import refusal
from vaecli.remedies.core.remedy import Part, Remedy
from vaecli.remedies.core.sensible import Span
from vaecli.testing.changes import changes, first_update_is_plain, snapshot, takes, unchanged
from vaecli.testing.measured import check_evaluation, check_game
from vaecli.testing.owed import Check, ContractError, Subject, owed, remedy_of, require
from vaecli.testing.stages import STEPS, check_resumption, check_stages
from vaecli.testing.tiny import clock, tiny_batch, tiny_shape, tiny_split


def trained(method: Method, seed: int = 0) -> tuple[VAE, list[float]]:
    """A tiny model after a few updates, with the losses; parameters keep the gradients of the last."""
    model, batch = method.build(tiny_shape(), seed), tiny_batch(8)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    torch.manual_seed(seed)
    losses = []
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = method.objective(raw_terms(model, batch), clock(step)).loss
        if autocast_is_open():
            raise ContractError(f"{method.name}: a torch.autocast context that it opened outlives the forward pass")
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    return model, losses


def outputs(model: VAE) -> tuple[Tensor, Tensor, Tensor]:
    """Everything that evaluation reads, from fixed noise."""
    model.eval()
    torch.manual_seed(0)
    with torch.no_grad():
        terms = raw_terms(model, tiny_batch(5, seed=3))
    return terms.nll, terms.kl, terms.z


@owed
def check_citation(subject: Subject) -> None:
    """It says what it is and where it comes from."""
    kind = type(remedy_of(subject))
    require(kind.paper.authors and kind.paper.title, subject, "`paper` needs authors and a title")
    require(1980 <= kind.paper.year <= 2100, subject, f"the year of `paper` is {kind.paper.year}")
    require(kind.version >= 1 and kind.cost > 0, subject, "`version` counts from 1, `cost` is above 0")
    require(kind.__doc__ and kind.__doc__ != Remedy.__doc__, subject, "the class needs a docstring of its own")
    require(all(map(all, kind.undefined.items())), subject, "each column in `undefined` needs a reason")
    for column in kind.undefined:
        told = f"`undefined` has {column!r}, which is no column"
        require(column in COLUMNS, subject, f"{told}; {nearest(str(column), COLUMNS)}")


@owed
def check_deviations(subject: Subject) -> None:
    """Where it differs from its paper is said in clauses."""
    for text in type(remedy_of(subject)).deviations:
        one_line = text == " ".join(text.split()) and 20 < len(text) < 300
        require(one_line, subject, f"a deviation has 20 to 300 letters on one line: {text!r}")
        # a symbol may begin it
        is_clause = not text.endswith(".") and (not text[0].isupper() or text[1] == " ")
        require(is_clause, subject, f"a deviation is a clause, no sentence: {text!r}")


@owed
def check_hyper_parameters(subject: Subject) -> None:
    """They are described and bounded, their defaults make a frozen object, and unknown ones are refused."""
    remedy = remedy_of(subject)
    for key, field in type(remedy).model_fields.items():
        described = field.description and "\n" not in field.description
        require(described, subject, f"hyper-parameter {key!r} needs a description on one line")
        default = field.get_default(call_default_factory=True, validated_data={})
        told = "files and --set take several values for variants of a method; give each a field of its own"
        single = default is None or isinstance(default, bool | int | float | str)
        require(single, subject, f"hyper-parameter {key!r} holds {type(default).__name__}; {told}")
        kinds = typing.get_args(field.annotation) or (field.annotation,)
        if int in kinds or float in kinds:
            bounds = {type(m).__name__ for m in field.metadata} & {"Ge", "Gt", "Le", "Lt", "Interval"}
            require(bounds, subject, f"hyper-parameter {key!r} has no range")
    require(type(remedy)(**remedy.hyper()) == remedy, subject, "its hyper-parameters don't make the same remedy again")
    for key in remedy.hyper():
        require(_refuses(setattr, (), remedy, key, None), subject, f"hyper-parameter {key!r} can be changed")
    require(_refuses(type(remedy), no_such_key=1), subject, "an unknown hyper-parameter is let pass")
    for key, values in type(remedy).sensible.items():
        for value in (values.low, values.high) if isinstance(values, Span) else values:
            inside = not _refuses(type(remedy), (key,), **{key: value})
            require(inside, subject, f"`sensible` of {key!r} has {value!r}, which its range doesn't")


@owed
def check_idle(subject: Subject) -> None:
    """The hyper-parameters that it says change nothing are its own, each with a reason."""
    remedy = remedy_of(subject)
    for key, why in of_kind(remedy, "idle", remedy.idle(10), Mapping).items():  # type: ignore[type-abstract]
        own = key in type(remedy).model_fields and isinstance(why, str) and why
        require(own, subject, f"`idle` has {key!r}: {why!r}; it has a reason, a text, by hyper-parameter")


def _refuses(function: Callable[..., Any], where: tuple[str, ...] = (), /, *values: Any, **named: Any) -> bool:
    """Whether a value is refused; with `where`, for what it is and not for how it goes with others."""
    try:
        function(*values, **named)
    except ValidationError as error:
        return not where or any(item["loc"] == where for item in error.errors())
    return False


@owed
def check_recipe(subject: Subject) -> None:
    """How its paper trains it can be followed: settings of their range, and companions that are there."""
    remedy = remedy_of(subject)
    recipe = type(remedy).recipe
    if recipe is None:
        return
    tables = nested(recipe.settings(recipe.epochs or 1))
    build_config({group: tables.pop(group) for group in GROUPS if group in tables})
    kinds = {remedy.name: type(remedy)}
    for name in {*recipe.companions, *tables} - {remedy.name}:
        kinds[name] = remedy_class(name)
    for name, values in tables.items():
        try:
            kinds[name](**values)
        except ValidationError as error:
            told = "; ".join(problems(error, kinds[name], name))
            raise ContractError(f"{remedy.name}: `recipe` has {told}") from None


@owed
def check_ownership(subject: Subject) -> None:
    """It changes what it owns, no more and no less, and takes away what it says."""
    remedy = remedy_of(subject)
    try:
        changed, owns = changes(remedy), set(remedy.owns)
    except DivergedError as error:
        raise ContractError(f"{remedy.name}: {error}") from None
    told = f"it changes {_words(changed)} and owns {_words(owns)}"
    require(changed == owns, subject, f"{told}; `owns` says what it changes, seen beside a vanilla VAE")
    taken = takes(remedy)
    require(taken == remedy.takes, subject, f"it takes away {_words(taken)} and `takes` says {_words(remedy.takes)}")
    require(remedy.adds_to <= remedy.owns, subject, "`adds_to` has parts that `owns` doesn't")
    if Part.STEP in remedy.owns:
        plain = first_update_is_plain(remedy)
        told = "is a plain one, so `adds_to` has the step" if plain else "is none of the plain ones that `adds_to` says"
        require(plain == (Part.STEP in remedy.adds_to), subject, f"its first update {told}")


def _words(values: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, values))) or "nothing"


@owed
def check_build(subject: Subject) -> None:
    """`build` leaves the parts that it is given: vanilla ones, and those with decoders that it composes with."""
    kinds, _ = load_all()
    vanilla, own = vanilla_parts(tiny_shape()), type(remedy_of(subject))
    others = [kind() for kind in kinds.values() if Part.DECODER in kind.owns and refusal(kind, own) is None]
    for parts in (vanilla, *(other.build(vanilla) for other in others)):
        before = snapshot(parts)
        remedy_of(subject).build(parts)
        require(unchanged(before, snapshot(parts)), subject, "`build` changes the parts that it is given; replace them")


@owed
def check_repeats(subject: Subject) -> None:
    """The same seed gives the same losses and weights, bit by bit, and another seed others."""
    method = compose([remedy_of(subject)])
    (first, losses), (second, again) = trained(method), trained(method)
    require(all(map(math.isfinite, losses)), subject, f"a loss is not finite: {losses}")
    require(losses == again, subject, f"one seed gave the losses {losses} and {again}")
    for key, value in first.state_dict().items():
        require(torch.equal(value, second.state_dict()[key]), subject, f"one seed gave two values of {key}")
    require(trained(method, seed=1)[1] != losses, subject, "two seeds gave the same losses")


@owed
def check_gradients(subject: Subject) -> None:
    """Every parameter learns, but those of modules that an optimiser of the remedy's own updates."""
    model, _ = trained(compose([remedy_of(subject)]))
    elsewhere = {p for module in model.aux.values() if own_parameters(module) for p in module.parameters()}
    for key, parameter in model.named_parameters():
        if parameter in elsewhere:  # a critic's loss is its own
            continue
        require(parameter.requires_grad, subject, f"{key} is a parameter that doesn't learn; make it a buffer")
        gradient = parameter.grad
        require(gradient is not None, subject, f"{key} is not reached by the loss")
        assert gradient is not None
        require(gradient.isfinite().all(), subject, f"the gradient of {key} is not finite")
        require(gradient.abs().sum() > 0, subject, f"{key} has no gradient")


@owed
def check_checkpoint(subject: Subject) -> None:
    """The weights and buffers of a checkpoint hold all that evaluation sees."""
    method = compose([remedy_of(subject)])
    model, _ = trained(method)
    calibrate(model, [collate(tiny_split(9), torch.arange(9))])
    data = save({key: value.contiguous() for key, value in model.state_dict().items()})
    other = method.build(tiny_shape(), 1)
    require(not torch.equal(outputs(other)[0], outputs(model)[0]), subject, "training left the model as another seed's")
    other.load_state_dict(load(data))
    for mine, restored in zip(outputs(model), outputs(other), strict=True):
        require(
            torch.equal(mine, restored), subject, "a restored checkpoint gives other figures; keep state in buffers"
        )


@owed
def check_figures(subject: Subject) -> None:
    """Every column is a finite number, or undefined for a reason that it gives, also of a model that has trained."""
    remedy = remedy_of(subject)
    method = compose([remedy])
    model = method.build(tiny_shape(init_range=0.5), 0).train()
    torch.manual_seed(0)
    method.objective(raw_terms(model, tiny_batch(8)), clock())  # what this leaves in the modules, a validation finds
    config = EvaluationConfig(iw_samples=4, rec_samples=1, batch_size=16)
    values = evaluate(model, tiny_split(20), config, seed=0, device=torch.device("cpu"), full=True).values
    shown = {column.removesuffix("_se") for column in values}
    empty = {column.removesuffix("_se") for column, value in values.items() if value is None} - {"excess_nll"}
    told = {column.removesuffix("_se") for column in remedy.undefined} & shown
    require(empty == told, subject, f"undefined are {_words(empty)}, and `undefined` gives reasons for {_words(told)}")
    wrong = [column for column, value in values.items() if value is not None and not math.isfinite(value)]
    require(not wrong, subject, f"not finite: {_words(wrong)}")


@owed
def check_pair(first: Subject, second: Subject) -> None:
    """Two remedies train together, or are refused by name before anything is built."""
    remedies = remedy_of(first), remedy_of(second)
    idle = [remedy.name for remedy in remedies if not remedy.owns]
    why = refusal(type(remedies[0]), type(remedies[1])) or refused(*remedies)
    try:
        method = compose(remedies)
    except UsageError as error:
        told = f"{idle[0]!r} changes nothing" if idle else why
        require(told and told in str(error), first, f"refused beside {remedies[1].name!r} without a reason: {error}")
        return
    require(not idle and not why, first, f"composes with {remedies[1].name!r}, which {why or 'changes nothing'}")
    require(method.name == "+".join(sorted(r.name for r in remedies)), first, f"a pair is called {method.name!r}")
    losses = trained(method)[1]
    require(all(map(math.isfinite, losses)), first, f"beside {remedies[1].name!r} a loss is not finite: {losses}")


@owed
def check_composition(subject: Subject) -> None:
    """It trains beside every other remedy that is installed, or is refused by name."""
    kinds, _ = load_all()
    for name, kind in kinds.items():
        if name != remedy_of(subject).name:
            check_pair(subject, kind)


@owed
def check_registration(subject: Subject) -> None:
    """It is installed: its entry point is found under its name and leads to it."""
    name = remedy_of(subject).name
    kinds, broken = load_all()
    require(name not in broken, subject, f"can't be loaded: {broken.get(name)}")
    require(name in kinds, subject, "not registered; install its package, as by `pip install -e .`")
    require(canonical(name) == name, subject, f"the name stands for {canonical(name)}; choose another")
    require(isinstance(remedy_of(subject), kinds[name]), subject, f"the name is of {kinds[name].__module__} here")


CHECKS: tuple[Check, ...] = (
    check_citation,
    check_deviations,
    check_hyper_parameters,
    check_idle,
    check_recipe,
    check_ownership,
    check_build,
    check_repeats,
    check_gradients,
    check_checkpoint,
    check_stages,
    check_resumption,
    check_figures,
    check_evaluation,
    check_game,
    check_composition,
)
"""What every remedy has to pass, for ``pytest.mark.parametrize``; `check_registration` holds once it is installed."""


def check_remedy(subject: Subject) -> None:
    """Runs all `CHECKS`.

    Raises:
        ContractError: One fails; names the remedy and what is wrong.
    """
    for check in CHECKS:
        check(subject)
