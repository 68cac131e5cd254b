"""``vae tune``: the search of methods' settings, with equal budgets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vaecli.cli import options as o
from vaecli.cli.completion import complete_methods, complete_objective, complete_set
from vaecli.core.messages import counted, tell

if TYPE_CHECKING:
    from vaecli.engines.engine import Event
    from vaecli.engines.tuning import Search
    from vaecli.runs.experiment import Experiment, Trial
    from vaecli.settings.resolve import Settings
    from vaecli.settings.search import Objective

Methods = Annotated[
    list[str], typer.Argument(metavar="METHOD...", help="Methods, see `vae methods`.", autocompletion=complete_methods)
]
Trials = Annotated[
    int,
    typer.Option("--trials", min=1, max=10_000, help="Budget of each method: the epochs of this many whole trials."),
]
Goal = Annotated[
    str,
    typer.Option(
        "--objective",
        help="Judged on validation: neg_elbo, another column, `mi at neg_elbo <= 106`, or hypervolume of kl and rec.",
        autocompletion=complete_objective,
    ),
]
Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        metavar="KEY=LOW..HIGH[:log]",
        help="Search this too, or in another range than the method's; words comma-separated. May be repeated.",
        autocompletion=complete_set,
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the search and of its trials.")]
NoPrune = Annotated[bool, typer.Option("--no-prune", help="Train every trial to its end.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be searched; train nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print the trials as JSON, in their order.")]


@o.with_settings(without=("training.seed", "training.protocol"))
def tune(
    context: typer.Context,
    methods: Methods,
    *,
    trials: Trials = 20,
    objective: Goal = "neg_elbo",
    ranges: Ranges = None,
    seed: Seed = 0,
    no_prune: NoPrune = False,
    preset: o.Preset = None,
    set_: o.Sets = None,
    options: o.Layer,
    jobs: o.Jobs = None,
    engine: o.EngineName = "local",
    out: o.Out = Path("runs"),
    name: o.Name = None,
    dry_run: DryRun = False,
    json: Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Search the settings of methods, the same number of epochs for each; the trials are rows of the usual tables.

    Run again, it goes on where it was stopped; with more --trials it searches further.
    """
    o.check_dry_run(dry_run, json)
    check_optuna()
    from vaecli.cli.live import open_progress

    progress = open_progress(context, quiet)
    progress.doing("importing torch")
    from vaecli.engines.choice import make_engine
    from vaecli.engines.run_grid import open_experiment
    from vaecli.runs.experiment import corpus_name
    from vaecli.settings.resolve import load_settings
    from vaecli.settings.search import check_judged, check_searched, parse_objective, parse_ranges, space_of

    goal = parse_objective(objective)
    runner = make_engine(engine)
    settings = load_settings(
        preset=preset,
        options=options,
        sets=set_ or [],
        environment=os.environ,
        methods=methods,
        methods_option="METHOD",
        seeds_option="--seed",
        seeds=seed,
        experiment=name,
        jobs=jobs,
    )
    for note in settings.notes:
        tell(f"vae: {note}")
    check_single(settings)
    check_judged(goal, settings.methods)
    searched = parse_ranges(ranges or [], settings.methods)
    spaces = {method: space_of(method, searched) for method in settings.methods}
    check_spaces(spaces)
    check_searched(settings, spaces, searched)
    if dry_run:
        progress.close()
        show_spaces(spaces, settings, trials, goal)
        return
    if settings.experiment is None:
        from dataclasses import replace

        settings = replace(settings, experiment=f"tune-{corpus_name(str(settings.groups['corpus']['data']))}")
    experiment, corpus = open_experiment(settings, out, told=progress.doing)
    progress.close()
    searches = make_searches(experiment, spaces, goal, trials=trials, seed=seed, prune=not no_prune)
    try:
        with experiment.lock():
            for search in searches:
                if not quiet:
                    told = ", ".join(f"{key} {values}" for key, values in search.ranges.items())
                    tell(f"{search.method}: {told} by {goal}, in {experiment.path}")
                    say_if_another(search, experiment.path)
                search.run(runner, partial(display, experiment=experiment.path, quiet=quiet))
    finally:
        finish(experiment, searches)
    from vaecli.cli.search_table import show_searches

    show_searches(searches, corpus, json)
    if not quiet:
        say_what_next(experiment, searches)


def check_optuna() -> None:
    """Refuses to begin without Optuna.

    Raises:
        UsageError: It isn't installed.
    """
    from importlib.util import find_spec

    from vaecli.core.errors import UsageError

    if find_spec("optuna") is None:
        raise UsageError("vae tune needs the library Optuna: pip install 'vaecli[tune]'")


def check_single(settings: Settings) -> None:
    """Refuses lists of values, which are variants of a grid, and protocols of methods' own.

    Raises:
        UsageError: A setting has several, or a method is not trained as all others are.
    """
    from vaecli.core.errors import UsageError
    from vaecli.settings.protocols import SHARED

    for method in settings.methods:
        protocol = settings.config(method, settings.seeds[0], variant={}).training.protocol
        if protocol != SHARED:
            raise UsageError(f"{method}: a search begins from the shared protocol, not from {protocol}; leave that out")
    for key, values in settings.choices.items():
        told = ",".join(map(str, values))
        raise UsageError(f"{key}={told}: a list makes variants in `vae compare`; here it is --range {key}=LOW..HIGH")


def check_spaces(spaces: dict[str, Any]) -> None:
    """Refuses methods of which nothing is searched.

    Raises:
        UsageError: One declares no range and --range names none of its settings.
    """
    from vaecli.core.errors import UsageError
    from vaecli.settings.known_keys import keys_of

    for method, space in spaces.items():
        if not space:
            own = [f"{name}.{key}" for name in method.split("+") for key in keys_of(name)]
            ways = [f"--range {key}=LOW..HIGH searches one of its own" for key in own[:1]]
            ways.append("--range training.learning_rate=1e-3..2e-2:log searches a setting that all methods have")
            raise UsageError(f"{method} declares no range to search; {', '.join(ways)}")


def show_spaces(spaces: dict[str, Any], settings: Settings, trials: int, goal: Objective) -> None:
    """What would be searched, on stdout."""
    from vaecli.remedies.core.sensible import sensible_text

    for method, space in spaces.items():
        for key, values in space.items():
            print(f"{method:<20} {key:<28} {sensible_text(values)}")
    epochs = settings.config(settings.methods[0], settings.seeds[0]).training.epochs
    budget = counted(trials * epochs, "epoch")
    tell(f"{budget} for each method, {counted(trials, 'trial')} of {epochs}; fewer for one that is pruned; by {goal}")


def make_searches(
    experiment: Experiment, spaces: dict[str, Any], goal: Objective, *, trials: int, seed: int, prune: bool
) -> list[Search]:
    """A search a method, all of the same budget."""
    from vaecli.engines.local import resolve_jobs
    from vaecli.engines.tuning import Search

    jobs = resolve_jobs(experiment.settings.jobs or 0, trials)
    folder = experiment.path / "tune"
    return [
        Search(experiment, method, space, goal, trials, seed, jobs, prune, folder) for method, space in spaces.items()
    ]


@contextmanager
def display(todo: list[Trial], experiment: Path, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """The display of a round."""
    from vaecli.cli.grid import make_grid
    from vaecli.cli.lookout import Lookout
    from vaecli.runs.watched import ExperimentWatch

    watch = ExperimentWatch(experiment, [trial.path for trial in todo])
    with make_grid(Lookout(watch, own=True), quiet) as grid:
        yield grid.event


def say_if_another(search: Search, experiment: Path) -> None:
    """Tells of a search that doesn't go on with the last one of its method in the folder."""
    from vaecli.settings.searches import differences, known_search

    before = known_search(experiment, search.method)
    now = {"objective": str(search.objective), "seed": search.seed, "ranges": search.ranges}
    if before is not None and (others := differences(before, now)):
        tell(
            f"{search.method}: another search than the last one here ({'; '.join(others)}), with a budget of its own; "
            "what comes of it stands in place of that in tune/"
        )


def finish(experiment: Experiment, searches: Sequence[Search]) -> None:
    """Writes the tables of the trials, and for each method a file with the best settings and what ``tuned`` reads."""
    from vaecli.core.files import write_atomic
    from vaecli.engines.candidates import tuned_settings
    from vaecli.runs.grid_settings import grid_text
    from vaecli.runs.tables import write_tables
    from vaecli.runs.trial_index import trial_folders
    from vaecli.settings.searches import write_search

    if trial_folders(experiment.path):
        write_tables(experiment.path)
    for search in searches:
        if best := search.best():
            name = f"tuned-{experiment.name.removeprefix('tune-')}"
            text = grid_text(name, tuned_settings(experiment.settings, best))
            searched = "".join(f"#   {key} = {values}\n" for key, values in search.ranges.items())
            told = f"# The best of a search by {search.objective}, seed {search.seed}, over\n{searched}"
            write_atomic(search.file(".toml"), told + text)
            write_search(experiment.path, search.method, search.entry(best))


def say_what_next(experiment: Experiment, searches: Sequence[Search]) -> None:
    """Names the tables and the files."""
    tell(f"a row a trial in {experiment.path}/results.csv, `vae report {experiment.path}` prints it")
    for search in searches:
        if search.best():
            tell(f"more seeds of the best: vae compare {search.file('.toml')} --seeds 0-2")
    if done := [search.method for search in searches if search.finished and search.best()]:
        tell(f"beside the shared protocol: vae compare --methods {','.join(done)} --protocol shared,tuned --seeds 0-2")
