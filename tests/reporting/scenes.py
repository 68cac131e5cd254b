"""Experiments at work as a display sees them, without files."""

from pathlib import Path

from vaecli.metrics.validation_alarm import alarms
from vaecli.remedies import ORDER
from vaecli.runs.progress_file import Stand
from vaecli.runs.watched import WatchedTrial

EPOCHS = 8
FIGURES = {"rec": 22.24, "kl": 3.05, "neg_elbo": 25.29, "mi": 2.27, "au": 16, "mi_ceiling": 7.6}
COLLAPSED = {"rec": 24.13, "kl": 0.0, "neg_elbo": 24.13, "mi": -0.0001, "au": 0, "mi_ceiling": 7.6}


def rows(epochs, figures, weight=1.0):
    return [{"epoch": n + 1, "kl_weight": weight, **figures} for n in range(epochs)]


def watched(method="bn", seed=0, told="waiting", **fields):
    """A trial; its history, if any, gives its alarms."""
    history = fields.pop("rows", [])
    own = {"label": method, "epochs": EPOCHS, "alarms": alarms(history, 2000, EPOCHS), "rows": history, **fields}
    return WatchedTrial(Path(f"runs/all/{method}/seed-{seed}"), method=method, seed=seed, told=told, **own)


def done(method="bn", seed=0, figures=FIGURES, seconds=80.0, **fields):
    """A trial that took 80 seconds, 16 of them in the final evaluation, and 8 epochs."""
    own = {"evaluation_seconds": 0.2 * seconds, "values": figures, "rows": rows(EPOCHS, figures), **fields}
    return watched(method, seed, "done", seconds=seconds, **own)


def running(method="bn", seed=0, epoch=3, step=240, steps=640, figures=FIGURES, per_epoch=8.0, **fields):
    """A trial inside an epoch, at 8 seconds each."""
    seconds = per_epoch * (epoch - 1 + step / steps)
    stand = Stand("training", epoch, EPOCHS, step, steps, 0.0, seconds)
    return watched(method, seed, "running", **{"stand": stand, "rows": rows(epoch - 1, figures), **fields})


def grid(ended=61, at_work=2, failed=1):
    """46 methods with 3 seeds each: a third of those that ended collapsed, one has failed, the others wait."""
    names = [(method, seed) for method in ORDER[:46] for seed in range(3)]
    trials = []
    for n, (method, seed) in enumerate(names):
        if n < ended:
            trials.append(done(method, seed, COLLAPSED if n // 3 % 3 == 0 else FIGURES, ended=float(n)))
        elif n < ended + failed:
            trials.append(watched(method, seed, "failed", message="RuntimeError: " + "a long reason " * 20))
        elif n < ended + failed + at_work:
            trials.append(running(method, seed))
        else:
            trials.append(watched(method, seed))
    return trials
