"""Settings that are sane as such and more than this machine can do, told before anything is read or allocated.

They are no rule of the settings' types, for a run that a larger machine made must open on any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vaecli.core.resources import cores, memory
from vaecli.corpus.origins import EMBEDDED

THREADS_A_CORE, ANYWHERE = 4, 64
"""Threads of a core that still make sense to try, and a number that hurts no machine."""

SENTENCE_BYTES = 1_000
"""Of a sentence of an embedded corpus while it is made; measured: 840."""


def machine_problems(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Group, key and problem of each value that is too large for this machine.

    Args:
        groups: Values by group and key; those that are no whole numbers are another's matter.
    """
    most = max(THREADS_A_CORE * cores(), ANYWHERE)
    threads = groups.get("training", {}).get("threads")
    if isinstance(threads, int) and threads > most:
        why = f"this machine has {cores()} cores; 0 lets torch choose"
        yield "training", "threads", f"must be at most {most}, got {threads}: {why}"
    corpus = groups.get("corpus", {})
    if corpus.get("data", EMBEDDED[0]) not in EMBEDDED:
        return
    for key in ("train_size", "valid_size", "test_size"):
        size = corpus.get(key)
        if isinstance(size, int) and size * SENTENCE_BYTES > memory() > 0:
            need, have = size * SENTENCE_BYTES / 2**30, memory() / 2**30
            most = memory() // SENTENCE_BYTES
            why = f"making them takes about {need:,.0f} GiB, this machine has {have:,.0f}"
            yield "corpus", key, f"must be at most {most:,} sentences here, got {size:,}: {why}"
