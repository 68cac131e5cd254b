"""Small grids and runs for the tests of run folders, tables and engines."""

import json

from vaecli.runs.experiment import Experiment
from vaecli.runs.folder import RunFolder
from vaecli.settings.resolve import load_settings


def experiment(out, methods=("vanilla",), seeds="0", name="exp", **arguments):
    """An experiment that takes nothing from the outside."""
    return Experiment.of(load_settings(methods=methods, seeds=seeds, experiment=name, **arguments), out)


def prepared(out, methods=("vanilla",), seeds="0", **arguments):
    """Its trials, with folders made."""
    made = experiment(out, methods, seeds, **arguments)
    with made.lock():
        made.prepare(made.trials())
    return made.trials()


def finish(trial, values, status="done", **run):
    """Gives a trial an end, without training it."""
    folder = RunFolder(trial.path)
    fields = {"remedies": {name: 1 for name in trial.method.split("+")}, "estimators": {"mi": 1}}
    corpus = {"name": "synthetic", "fingerprint": "f" * 64}
    folder.update(**{"status": status, "corpus": corpus, **fields, **run})
    folder.write_metrics({"values": values})
    return folder


def forget_method(folder, name, other):
    """Makes a method of a finished experiment one that nobody knows, as when its package is removed."""
    for file in folder.rglob("*"):
        if file.name in ("config.toml", "run.json", "experiment.toml"):
            file.write_text(file.read_text().replace(f'"{name}"', f'"{other}"'))
    (folder / name).rename(folder / other)


def run_json(path):
    return json.loads((path / "run.json").read_text())
