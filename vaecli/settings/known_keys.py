"""The keys of all settings: which there are, and which somebody means who leaves out or misspells the owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vaecli.config import GROUPS
from vaecli.core.errors import LISTED, UsageError, listed, near_names, unknown
from vaecli.remedies import REMEDIES, SPELLINGS, method_names, remedy_class, resolve

SETTINGS_WAY = "vae config init"
"""What writes every setting of a run, with its meaning."""

OWNERS_WAY = "vae config init --methods all"
"""The same with those of every remedy."""

OwnedKey = tuple[str, str]
"""A group or a remedy, and a key of it."""


def keys_of(owner: str) -> list[str]:
    """The keys of a group or a remedy; none of another package's remedy that can't be loaded."""
    if owner in GROUPS:
        return list(GROUPS[owner].model_fields)
    try:
        return list(remedy_class(owner).model_fields)
    except Exception:  # another package may fail in any way
        if owner in REMEDIES:
            raise
        return []


def keys_named(name: str, methods: Collection[str] = ()) -> list[str]:
    """The dotted keys whose last part is a name: ``gamma`` is that of ``bn.gamma``, ``du.gamma`` and ``wae_s.gamma``.

    Args:
        name: Without an owner; capitals and ``-`` for ``_`` don't count.
        methods: Where remedies of these have it, only theirs are told.
    """
    wanted = name.replace("-", "_").casefold()
    groups = [f"{group}.{wanted}" for group in GROUPS if wanted in keys_of(group)]
    used = {part for method in methods for part in resolve(method)} & set(method_names())
    own = [f"{remedy}.{wanted}" for remedy in sorted(used) if wanted in keys_of(remedy)]
    if own or groups:
        return own or groups
    return [f"{remedy}.{wanted}" for remedy in method_names() if wanted in keys_of(remedy)]


def meant(name: str, methods: Collection[str] = ()) -> str:
    """``did you mean bn.gamma?`` of a name without an owner; empty where no setting has it."""
    return did_you_mean(keys_named(name, methods))


def did_you_mean(names: Sequence[str]) -> str:
    """``did you mean bn.gamma, du.gamma or wae_s.gamma?``; empty of none."""
    *most, last = names or ("",)
    return f"did you mean {', '.join(most)} or {last}?" if most else f"did you mean {last}?" if last else ""


def check_key(key: str) -> OwnedKey:
    """The owner and the name of a dotted key, or of the one setting that has the name.

    Args:
        key: ``training.epochs``, ``bn.gamma``; ``gamma`` alone, or as an option, ``--epochs``.

    Raises:
        UsageError: There is none, or several; names those that are near.
    """
    owner, dot, name = key.removeprefix("--").partition(".")
    if not dot and owner in (*GROUPS, *method_names()):
        keys = keys_of(owner)
        named = listed(f"{owner}.{known}" for known in keys) or "it has none"
        rest = f"; `{SETTINGS_WAY}` lists all" if len(keys) > LISTED else ""
        raise UsageError(f"{key!r} is the owner of settings; name one: {named}{rest}")
    if not dot:
        held = keys_named(owner)
        if len(held) != 1:
            every = [f"{group}.{known}" for group in GROUPS for known in keys_of(group)]
            near = held or [full for full in every if near_names(owner, [full.partition(".")[2]])]
            way = f"write group.key or remedy.key, which `{SETTINGS_WAY}` lists"
            raise UsageError(f"no setting is {key!r}; {did_you_mean(near) or way}")
        owner, _, name = held[0].partition(".")
    owner = SPELLINGS.get(owner, owner)
    if owner not in (*GROUPS, *method_names()):
        raise unknown("group or remedy", owner, [*GROUPS, *method_names()], way=OWNERS_WAY)
    name = name.replace("-", "_")
    if name not in keys_of(owner):
        raise unknown(f"setting of {owner}", name, keys_of(owner), way=SETTINGS_WAY)
    return owner, name
