"""Peak memory of one side, measured in a process of its own.

``python -m experiments.benchmarks.memory yahoo|mi reference|ours DEVICE PRECISION THREADS`` prints a JSON object of
megabytes: ``before`` (libraries loaded), ``weights`` (model built) and ``peak`` (the most held during three updates).
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from experiments.benchmarks.reference import ReferenceTrainer, ReferenceVAE, equal_length_batch
from experiments.benchmarks.shapes import YAHOO, make_corpus, random_split, yahoo_lengths
from experiments.benchmarks.subjects import Options, make_session, train_ours
from vaecli.corpus.types import Corpus
from vaecli.metrics.columns.mi import mutual_information
from vaecli.model.posterior import DiagonalGaussian

STATUS = Path("/proc/self/status")
UPDATES = 3


def _status(key: str) -> float:
    """Megabytes of a line of Linux's process status."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"{STATUS}: no {key}")


def current_mb(device: torch.device) -> float:
    """Memory held now; where the system doesn't say, the most held so far."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device) / 2**20
    return _status("VmRSS") if STATUS.exists() else peak_mb(device)


def peak_mb(device: torch.device) -> float:
    """The most held since `reset_peak`.

    On Linux this is the high-water mark of the address space: ru_maxrss would start from the parent's size, which a
    child inherits over fork and exec.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if STATUS.exists():
        return _status("VmHWM")
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / (2**20 if sys.platform == "darwin" else 1024)


def reset_peak(device: torch.device) -> None:
    """Starts the high-water mark from what is held now, where the system allows it."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif STATUS.exists():
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return  # a container may forbid it: the mark then holds the loading of libraries too, which is less


def long_batch(length: int = 80) -> Corpus:
    """A batch of sentences of one length at Yahoo shapes, as a corpus."""
    size = YAHOO.vocabulary_size
    split = random_split("train", yahoo_lengths(YAHOO.batch_size) * 0 + length, size, 0)
    return make_corpus("yahoo-shaped", split, split, split, size)


def _training(side: str, options: Options) -> Callable[[], None]:
    """Builds one side; gives what updates it."""
    corpus, device = long_batch(), options.torch_device
    places = torch.arange(len(corpus.train))
    if side == "ours":
        session = make_session(YAHOO, corpus, options)
        return lambda: train_ours(session, [places] * UPDATES)
    x = equal_length_batch(corpus.train, places.tolist()).to(device)
    config = YAHOO.run_config(options.device, "fp32")
    trainer = ReferenceTrainer(ReferenceVAE(YAHOO.vocabulary_size, config.model).to(device), config.training)

    def updates() -> None:
        for _ in range(UPDATES):
            trainer.step(x)

    return updates


def _information(device: torch.device, sentences: int = 10_000, latent_size: int = 32) -> Callable[[], None]:
    """Mutual information of a split."""
    mean, logvar, z = torch.randn(3, sentences, latent_size, dtype=torch.float64, device=device).unbind()
    posterior = DiagonalGaussian(mean, logvar)

    def measure() -> None:
        mutual_information(posterior, z)

    return measure


def measure(what: str, side: str, options: Options) -> dict[str, float]:
    """Megabytes before, with the weights, and at the peak."""
    device = options.torch_device
    torch.nn.functional.linear(torch.ones(2, 2, device=device), torch.ones(2, 2, device=device))
    gc.collect()
    before = current_mb(device)
    work = _training(side, options) if what == "yahoo" else _information(device)
    reset_peak(device)
    weights = current_mb(device)
    work()
    return {"before": before, "weights": weights, "peak": peak_mb(device)}


def main(arguments: Sequence[str]) -> None:
    """Prints what `measure` gives."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.memory", description="Peak memory of one side, as JSON, in megabytes."
    )
    parser.add_argument("what", choices=("yahoo", "mi"), help="training at Yahoo shapes, or mutual information")
    parser.add_argument("side", choices=("reference", "ours"))
    parser.add_argument("device", choices=("cpu", "cuda"))
    parser.add_argument("precision", choices=("auto", "fp32", "bf16"), help="arithmetic of our training")
    parser.add_argument("threads", type=int, help="0 leaves torch's own choice")
    chosen = parser.parse_args(arguments)
    if chosen.threads < 0:
        parser.error(f"threads: 0 or more, got {chosen.threads}")
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    print(json.dumps(measure(chosen.what, chosen.side, Options(device=chosen.device, precision=chosen.precision))))


if __name__ == "__main__":
    main(sys.argv[1:])
