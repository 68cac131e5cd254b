"""Settings of the corpora that the program writes, of which a text of one's own makes no use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vaecli.corpus.origins import EMBEDDED, SYNTHETIC
from vaecli.settings.layers import Layer

SIZES = ("train_size", "valid_size", "test_size")


def ignored_sizes(layers: Iterable[Layer], groups: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line for each size that somebody asks for, where the corpus is taken whole.

    Args:
        layers: What was said here and now; files say every size, whatever their corpus.
        groups: The merged settings, by group and key.
    """
    data = groups.get("corpus", {}).get("data", SYNTHETIC)
    if data in EMBEDDED:
        return
    for layer in layers:
        for key in SIZES:
            if location := layer.locations.get(("corpus", key)):
                yield f"{location} changes nothing: {data} is no text of the program's own, and is taken whole"
