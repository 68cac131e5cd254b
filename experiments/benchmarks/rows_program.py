"""Rows on the program around the model: reading text, ``vae --help``, trials in parallel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from experiments.benchmarks.machine import cores
from experiments.benchmarks.reference import read_text
from experiments.benchmarks.results import Row, paired_row
from experiments.benchmarks.shapes import ptb_corpus, write_text
from experiments.benchmarks.subjects import Options, UnequalWorkError
from experiments.benchmarks.timing import interleave
from vaecli.config import CorpusConfig
from vaecli.corpus.load import load_corpus

CACHE = "VAE_CACHE"


@contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """A variable of the environment for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def check_equal_reading(folder: Path) -> None:
    """Both readers give the same words, whatever their ids.

    Raises:
        UnequalWorkError: They don't.
    """
    vocabulary, splits = read_text(folder)
    words = list(vocabulary)
    corpus = load_corpus(CorpusConfig(data=str(folder)))
    for part, sentences in splits.items():
        split = corpus.split(part)
        same = len(split) == len(sentences) and all(
            [corpus.vocabulary.words[i] for i in split.sentence(n)] == [words[i] for i in sentences[n]]
            for n in range(0, len(split), max(1, len(split) // 50))
        )
        if not same:
            raise UnequalWorkError(f"{folder}: the two readers differ on {part}")


def reader_rows(folder: Path, options: Options) -> list[Row]:
    """Words read and numericalised a second, without a cache and with one."""
    config = CorpusConfig(data=str(folder))
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for name, value in (("reader", "off"), ("reader-cached", cache)):
            with environment(CACHE, value):
                check_equal_reading(folder)  # fills the cache too
                pairs = interleave(lambda: read_text(folder), lambda: load_corpus(config), options.repeats)
                corpus = load_corpus(config)
            words = float(sum(len(corpus.split(part).tokens) for part in ("train", "valid", "test")))
            title = "reading and numericalising text" + (", cached" if name == "reader-cached" else "")
            rows.append(paired_row(name, title, pairs, (words, words), "words/s", 3.0, {"corpus": corpus.name}))
    return rows


def reader(options: Options) -> list[Row]:
    """Reading the Penn Treebank, or random words in its sentence lengths."""
    with tempfile.TemporaryDirectory() as scratch:
        return reader_rows(write_text(ptb_corpus(), Path(scratch)), options)


def program() -> list[str]:
    """The command ``vae`` of this Python."""
    script = shutil.which("vae", path=str(Path(sys.executable).parent))
    return [script] if script else [sys.executable, "-m", "vaecli"]


def run_program(*arguments: str) -> float:
    """Seconds of ``vae`` with some arguments.

    Raises:
        RuntimeError: It failed.
    """
    start = time.perf_counter()
    done = subprocess.run([*program(), *arguments], capture_output=True, text=True, encoding="utf-8", check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"vae {' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return seconds


def help_text(options: Options) -> list[Row]:
    """Seconds of ``vae --help``."""
    run_program("--help")
    seconds = [run_program("--help") for _ in range(max(3, 2 * options.repeats + 1))]
    figure = median(seconds)
    spread = (min(seconds), max(seconds))
    return [
        Row("help", "vae --help", "s", None, figure, figure, 0.3, False, spread=spread, repeats=len(seconds)),
    ]


def compare(options: Options) -> list[Row]:
    """``vae compare`` with its twelve methods: one trial at a time, and as many as there are cores."""
    shorter = ["--epochs", "1"] if options.quick else []
    seconds = []
    for jobs in ("1", "0"):
        with tempfile.TemporaryDirectory() as out:
            seconds.append(run_program("compare", *shorter, "--jobs", jobs, "--out", out))
    title = f"vae compare, 12 methods, trials on {cores()} cores"
    return [
        Row("compare", f"{title}, over one at a time", "s", seconds[0], seconds[1], seconds[0] / seconds[1], 1.6),
        Row("compare-seconds", title, "s", None, seconds[1], seconds[1], 180.0, at_least=False),
    ]
