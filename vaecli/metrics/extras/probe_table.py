"""What the figures of a probe mean, in words, and as a table on the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def in_words(name: str, figures: Mapping[str, Any], count: int, commonest: float) -> str:
    """What the code knows of a field, in a line: nothing where no probe is two standard errors above chance.

    Chance is the share of the commonest class among the tested sentences: no guess that ignores the code is right more
    often, whatever classes it says how often. The most frequent class of train is right less often where the two
    differ, and a probe of noise, which says the classes as often as train has them, may then be above it.

    Means that tell a class apart where draws of z don't are no knowledge of the code's: the decoder sees draws.

    Args:
        name: Of the field.
        figures: See `vaecli.metrics.extras.probe.measure_field`.
        count: Sentences that were tested.
        commonest: Share of these that have the commonest class among them; 1 where they are of one class.
    """
    accuracy, drawn = figures["accuracy"]["all"], figures["sampled"]["all"]
    majority, bag = figures["majority"], figures["word_counts"]["all"]
    margin = 2 * math.sqrt(max(commonest * (1 - commonest), 1e-12) / count)
    told = f"{name}: {accuracy:.2f} of the classes are read off the means, {drawn:.2f} off draws of z, "
    told += f"{majority:.2f} off the most frequent class"
    if commonest > majority:
        told += f" of train, {commonest:.2f} off that of the tested sentences"
    if commonest == 1:
        return f"{told}: the tested sentences are of one class, so that no figure tells what the code knows of it"
    if max(accuracy, drawn) - commonest <= margin:
        return f"{told}: the code knows no more of it than chance does"
    if drawn - commonest <= margin:
        return f"{told}: the means differ by it, but by so little that no draw of z tells"
    if bag <= commonest:
        return f"{told}: the code knows something of it"
    shares = [f"{(value - commonest) / (bag - commonest):.0%}" for value in (accuracy, drawn)]
    return f"{told}: {shares[0]} of what word counts add to it ({bag:.2f}), {shares[1]} by draws"


def table_lines(fields: Mapping[str, Mapping[str, Any]], draws: int) -> tuple[str, ...]:
    """The accuracies as tables, a row a field and a kind of code, a column a number of labels.

    Args:
        fields: See `vaecli.metrics.extras.probe.measure_field`, by field.
        draws: Of the labelled sentences.
    """
    sizes = list(next(iter(fields.values()))["accuracy"])
    rows = [(name, kind) for name in fields for kind in ("means", "draws of z", "word counts")]
    keys = {"means": "accuracy", "draws of z": "sampled", "word counts": "word_counts"}
    width = max(len(f"{name}, {kind}") for name, kind in rows)
    lines = [
        f"probe with so many labels ({draws} draws), and the share of the most frequent class",
        f"  {'':<{width}} " + " ".join(f"{size:>6}" for size in (*sizes, "most")),
    ]
    for name, kind in rows:
        values = [*fields[name][keys[kind]].values(), fields[name]["majority"]]
        lines.append(f"  {f'{name}, {kind}':<{width}} " + " ".join(f"{value:6.3f}" for value in values))
    return (*lines, *_each_lines(fields, width))


def _each_lines(fields: Mapping[str, Mapping[str, Any]], width: int) -> list[str]:
    """The same by number of labels a class, where a field has as many; chance is one in so many classes."""
    sizes = sorted({size for figures in fields.values() for size in figures["each"]["accuracy"]}, key=int)
    if not sizes:
        return []
    lines = [
        "probe with so many labels of each class, and what chance reads then: one in so many classes",
        f"  {'':<{width}} " + " ".join(f"{size:>6}" for size in (*sizes, "chance")),
    ]
    for name, figures in fields.items():
        for kind, key in (("means", "accuracy"), ("draws of z", "sampled")):
            known = figures["each"][key]
            cells = [f"{known[size]:6.3f}" if size in known else f"{'-':>6}" for size in sizes]
            lines.append(f"  {f'{name}, {kind}':<{width}} " + " ".join([*cells, f"{1 / figures['classes']:6.3f}"]))
    return lines
