"""Names of experiments and methods, which become names of folders: one rule for all that are made.

What is read may have any name: folders of earlier versions, which allowed more, stay as they are.
"""

from __future__ import annotations

import re

from vaecli.core.errors import UsageError

NURSERY = "nursery"
"""The word after ``vae`` that makes a process the one that trials are copies of; no command for users."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
"""Every system takes it as a folder, no shell or option parser as something else; ``+`` joins the parts of a method."""


def name_problem(kind: str, name: str) -> str:
    """What is wrong with a name; an empty text if nothing is.

    Args:
        kind: What it names, such as ``experiment``.
        name: As it was given.
    """
    if NAME.fullmatch(name):
        return ""
    shown = name if len(name) <= 40 else name[:40] + "..."
    return f"{kind} name {shown!r}: at most 200 letters, digits, '.', '_', '+' and '-', the first a letter or digit"


def check_name(kind: str, name: str) -> str:
    """The name, for the folder that is to bear it.

    Raises:
        UsageError: It breaks the rule.
    """
    if problem := name_problem(kind, name):
        raise UsageError(problem)
    return name


def folder_name(text: str) -> str:
    """A text made a name: every run of other characters becomes ``-``; ``default`` where nothing is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:100] or "default"
