"""What is known of each remedy, from its class: for `vae methods` and for the README's table."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import ValidationError

from vaecli.catalogue.published import figures_of, load_published
from vaecli.catalogue.update_times import load_update_times
from vaecli.core.errors import UsageError
from vaecli.remedies import REMEDIES, package_of, remedy_class
from vaecli.remedies.core.recipe import Epochs
from vaecli.remedies.core.sensible import sensible_text
from vaecli.reporting.formats import escape_markdown, markdown_table

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from vaecli.remedies.core.remedy import Remedy

BEGIN, END = "<!-- methods: begin -->", "<!-- methods: end -->"
"""The markers in a document between which the table of methods stands."""

NOT_OBTAINED = "no figures of its paper were obtained"
"""What is said of a method without figures in print, where no more is known."""

Remedies = Mapping[str, "type[Remedy]"]


def load_remedies(names: Mapping[str, str] = REMEDIES) -> dict[str, type[Remedy]]:
    """The classes of remedies by name."""
    return {name: remedy_class(name) for name in names}


def field_range(field: FieldInfo) -> dict[str, Any]:
    """The values that a hyper-parameter may take.

    Returns:
        `min` and `max` (None where there is no bound), whether each is exclusive, and `choices` (None, or a list).
    """
    import annotated_types as at

    ends: dict[str, Any] = {"min": None, "min_exclusive": False, "max": None, "max_exclusive": False, "choices": None}
    for item in field.metadata:
        if isinstance(item, at.Ge | at.Gt):
            ends["min"] = item.ge if isinstance(item, at.Ge) else item.gt
            ends["min_exclusive"] = isinstance(item, at.Gt)
        elif isinstance(item, at.Le | at.Lt):
            ends["max"] = item.le if isinstance(item, at.Le) else item.lt
            ends["max_exclusive"] = isinstance(item, at.Lt)
    kinds = get_args(field.annotation) if get_origin(field.annotation) is not Literal else (field.annotation,)
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    return ends | {"choices": choices or None}


def range_text(limits: Mapping[str, Any]) -> str:
    """A range in words: ``0 <= x < 1``, ``x > 0``, ``a or b``; empty without bounds."""
    if limits["choices"]:
        return " or ".join(map(str, limits["choices"]))
    low, high = limits["min"], limits["max"]
    under, over = ("<" if limits[f"{end}_exclusive"] else "<=" for end in ("min", "max"))
    if low is not None and high is not None:
        return f"{low} {under} x {over} {high}"
    if low is not None:
        return f"x {under.replace('<', '>')} {low}"
    return "" if high is None else f"x {over} {high}"


def type_name(field: FieldInfo) -> str:
    """``float``, ``int | None``, ``choice``."""
    if get_origin(field.annotation) is Literal:
        return "choice"
    return field.annotation.__name__ if isinstance(field.annotation, type) else str(field.annotation)


def hyper_parameters(kind: type[Remedy]) -> list[dict[str, Any]]:
    """The hyper-parameters of a remedy: name, type, default, range, what of it is sensible, and description."""
    return [
        {
            "name": name,
            "type": type_name(field),
            "default": field.get_default(call_default_factory=True, validated_data={}),
            "range": field_range(field),
            "sensible": sensible_text(kind.sensible[name]) if name in kind.sensible else None,
            "description": field.description or "",
        }
        for name, field in kind.model_fields.items()
    ]


BY_DEFAULT = "by default "
"""Before what keeps two remedies apart at the hyper-parameters that they have unless others are said."""


def keeps_apart(one: type[Remedy], other: type[Remedy]) -> list[str]:
    """What keeps two remedies from composing: the parts that both change, else the needs that one takes from the other.

    A need reads ``a needs an encoder``, named after the remedy that has it. Where it is their hyper-parameters alone, a
    clause behind `BY_DEFAULT`.
    """
    from vaecli.remedies.core.compose import unfit
    from vaecli.remedies.core.parts import shared_parts, unmet_needs

    parts = sorted(part.value for part in shared_parts(one, other))
    pairs = ((one, other), (other, one))
    needs = [f"{needy.name} needs {need.value}" for needy, taker in pairs for need in unmet_needs(needy, taker)]
    if parts or needs:
        return parts or needs
    with suppress(ValidationError, UsageError):  # of another package, whose defaults can't be made
        if why := unfit(one(), other()):
            return [BY_DEFAULT + why]
    return []


def part_names(kind: type[Remedy]) -> list[str]:
    """All that a remedy changes, in the order in which hooks are chained."""
    from vaecli.remedies.core.parts import Part

    return [part.value for part in Part if part in kind.owns]


def parts_text(kind: type[Remedy]) -> str:
    """What a remedy changes: ``kl, term`` or ``nothing``."""
    return ", ".join(part_names(kind)) or "nothing"


def need_names(kind: type[Remedy]) -> list[str]:
    """All that a remedy needs of what others give, what follows from the parts it changes included."""
    from vaecli.remedies.core.parts import Need, all_needs

    return [need.value for need in Need if need in all_needs(kind)]


def partners(name: str, remedies: Remedies) -> list[str]:
    """The remedies that a remedy composes with; one that changes nothing composes with none."""
    own = remedies[name]
    return [
        other
        for other, kind in remedies.items()
        if other != name and own.owns and kind.owns and not keeps_apart(own, kind)
    ]


def clashes(name: str, remedies: Remedies) -> dict[str, list[str]]:
    """The remedies that a remedy can't be composed with, each with what keeps them apart; see `keeps_apart`."""
    own = remedies[name]
    reasons_by_other = {other: keeps_apart(own, kind) for other, kind in remedies.items() if other != name}
    return {other: reasons for other, reasons in reasons_by_other.items() if reasons}


def summary(kind: type[Remedy]) -> str:
    """The first paragraph of what is written about a remedy, on one line: of its module, else of its class."""
    module = sys.modules[kind.__module__].__doc__
    text = (module or kind.__doc__ or kind.title).strip().split("\n\n")[0]
    return " ".join(text.split())


def describe(name: str, remedies: Remedies) -> dict[str, Any]:
    """Everything about a remedy as plain values."""
    kind, printed, measured = remedies[name], load_published(), load_update_times()
    package, package_version = package_of(name)
    return {
        "name": name,
        "title": kind.title,
        "paper": kind.paper.citation,
        "year": kind.paper.year,
        "owns": part_names(kind),
        "needs": need_names(kind),
        "version": kind.version,
        "package": package,
        "package_version": package_version,
        "cost": kind.cost,
        "update_time": None if name not in measured else asdict(measured[name]),
        "hyper_parameters": hyper_parameters(kind),
        "equation": kind.equation,
        "undefined": dict(kind.undefined),
        "deviations": list(kind.deviations),
        "recipe": recipe_values(kind),
        "composes_with": partners(name, remedies),
        "clashes_with": clashes(name, remedies),
        "published": figures_of(name, printed),
        "no_published_figures": printed["no_figures"].get(name, NOT_OBTAINED),
    }


def recipe_values(kind: type[Remedy]) -> dict[str, Any]:
    """How a remedy's paper trains it, as plain values: ``settings`` are as printed, counts of epochs with their unit.

    Returns:
        Without a recipe, ``none`` alone: why there is none.
    """
    recipe = kind.recipe
    if recipe is None:
        return {"none": kind.no_recipe}
    return {
        "source": recipe.source,
        "epochs": recipe.epochs,
        "settings": {k: str(v) if isinstance(v, Epochs) else v for k, v in recipe.told().items()},
        "companions": list(recipe.companions),
        "left_out": list(recipe.left_out),
        "unconfirmed": list(recipe.unconfirmed),
    }


def recipe_lines(recipe: Mapping[str, Any]) -> list[str]:
    """A recipe in words, a line a fact; see `recipe_values`."""
    if "none" in recipe:
        return [f"none, so it runs as under the shared protocol: {recipe['none']}"]
    length = f"; {recipe['epochs']} epochs, to which its counts of epochs are scaled" if recipe["epochs"] else ""
    lines = [f"source: {recipe['source']}{length}"]
    if recipe["settings"]:
        lines.append(", ".join(f"{key} = {_shown(value)}" for key, value in recipe["settings"].items()))
    if recipe["companions"]:
        lines.append(f"always with: {', '.join(recipe['companions'])}")
    lines += [f"not followed: {text}" for text in recipe["left_out"]]
    lines += [f"unconfirmed: {text}" for text in recipe["unconfirmed"]]
    return lines


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def short_citation(kind: type[Remedy]) -> str:
    """``Zhu et al. 2020``."""
    return f"{kind.paper.authors} {kind.paper.year}"


def partners_text(name: str, remedies: Remedies) -> str:
    """The partners of a remedy in the fewest words: ``all``, ``all but bn, lm``, ``bn, lm`` or ``none``."""
    fitting = partners(name, remedies)
    missing = [other for other, kind in remedies.items() if kind.owns and other != name and other not in fitting]
    if not fitting:
        return "none"
    if not missing:
        return "all"
    return ", ".join(fitting) if len(fitting) <= len(missing) else "all but " + ", ".join(missing)


def methods_markdown_table(remedies: Remedies | None = None, only: Collection[str] | None = None) -> str:
    """The table of methods in Markdown, without a newline at its end.

    Args:
        remedies: Classes by name; None for all that this package brings.
        only: The methods to show; None for all.
    """
    kinds = load_remedies() if remedies is None else remedies
    rows = []
    for name in kinds if only is None else only:
        kind = kinds[name]
        link = escape_markdown(short_citation(kind))
        paper = f"[{link}](https://arxiv.org/abs/{kind.paper.arxiv})" if kind.paper.arxiv else link
        rows.append([f"`{name}`", escape_markdown(kind.title), parts_text(kind), paper, partners_text(name, kinds)])
    return markdown_table(["method", "what it is", "changes", "paper", "composes with"], rows, [False] * 5)


def update_between_markers(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """The document with everything between two markers replaced by a table.

    Raises:
        UsageError: A marker is missing, twice there, or they are in the wrong order.
    """
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise UsageError(f"the document needs one {begin!r} and after it one {end!r}")
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
