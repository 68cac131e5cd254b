"""`vae report --picture`: which picture is drawn of which results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError, listed, unknown
from vaecli.reporting.notes import ReportContext
from vaecli.reporting.pictures.picture_style import SUFFIXES
from vaecli.reporting.table import sections, title_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from vaecli.reporting.pictures.run_paths import MethodRuns

KINDS = {
    "plane": "rec and mi against kl",
    "curves": "every column of history.csv over the epochs",
    "dimensions": "KL of each latent dimension",
    "codes": "posterior means in two dimensions",
    "positions": "what z is worth to the decoder at each position",
    "posteriors": "the mean of q against that of the exact posterior over training",
}
"""What there is to draw."""

MOVING = ".gif"
"""A file of this suffix goes through the moments of `posteriors`."""


def check_picture(path: Path, kind: str = "plane", label: str | None = None) -> None:
    """Refuses what can't be drawn, before any work.

    Raises:
        UsageError: The suffix is no picture's, there is no such kind, or a label for a kind that has none.
    """
    if kind not in KINDS:
        raise unknown("kind of picture", kind, KINDS, "--kind")
    suffixes = (*SUFFIXES, MOVING) if kind == "posteriors" else SUFFIXES
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"--picture {path}: the suffix decides the format; end it in {', '.join(suffixes)}")
    if label is not None and kind != "codes":
        raise UsageError(f"--label colours --kind codes, not {kind}; leave it out")


def draw(
    frame: pd.DataFrame,
    contexts: Mapping[str, ReportContext],
    path: Path,
    kind: str = "plane",
    label: str | None = None,
) -> None:
    """Writes a picture.

    Args:
        frame: A row a trial, of one table.
        contexts: What is known of each experiment besides its results.
        path: Its suffix decides the format.
        kind: One of `KINDS`.
        label: Label field that codes are coloured by; None for the first.

    Raises:
        UsageError: See `check_picture` and `one_table`; or there is nothing to draw, with the way to it.
        DataError: A run's file can't be read, or the picture can't be written.
    """
    check_picture(path, kind, label)
    from vaecli.reporting.pictures.picture_style import save, told_of_characters

    table = one_table(frame)
    with told_of_characters(path):
        if path.suffix.lower() == MOVING:
            from vaecli.reporting.pictures.picture_posteriors import save_animation
            from vaecli.reporting.pictures.posterior_paths import posterior_paths

            save_animation(posterior_paths(runs_of(table, contexts, kind)), path)
        else:
            save(figure_of(table, contexts, kind, label), path)


def figure_of(table: pd.DataFrame, contexts: Mapping[str, ReportContext], kind: str, label: str | None) -> Figure:
    """The picture of one table; see `draw`."""
    if kind == "plane":
        from vaecli.reporting.pictures.picture_plane import plane_figure

        return plane_figure(table)
    runs = runs_of(table, contexts, kind)
    if kind == "curves":
        from vaecli.reporting.pictures.history_curves import history_curves
        from vaecli.reporting.pictures.picture_curves import curves_figure

        return curves_figure(history_curves(runs))
    if kind == "dimensions":
        from vaecli.reporting.pictures.dimension_costs import dimension_costs
        from vaecli.reporting.pictures.picture_dimensions import dimensions_figure

        return dimensions_figure(dimension_costs(runs))
    if kind == "positions":
        from vaecli.reporting.pictures.picture_positions import positions_figure
        from vaecli.reporting.pictures.position_gains import position_gains

        return positions_figure(position_gains(runs))
    if kind == "posteriors":
        from vaecli.reporting.pictures.picture_posteriors import posteriors_figure
        from vaecli.reporting.pictures.posterior_paths import posterior_paths

        return posteriors_figure(posterior_paths(runs))
    from vaecli.reporting.pictures.code_positions import code_positions
    from vaecli.reporting.pictures.picture_codes import codes_figure

    return codes_figure(*code_positions(runs, label))


def runs_of(table: pd.DataFrame, contexts: Mapping[str, ReportContext], kind: str) -> list[MethodRuns]:
    """The run folders behind the rows of one table, for a kind of picture.

    Raises:
        UsageError: There are none.
    """
    from vaecli.reporting.pictures.run_paths import method_runs

    names = set(table["experiment"].map(str)) if "experiment" in table.columns else {""}
    context = next((contexts[name] for name in names if name in contexts), ReportContext())
    return method_runs(table, context, f"--kind {kind}")


def one_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The results, of one table only: rates on two corpora, or under other settings, don't compare.

    Raises:
        UsageError: They are of several.
    """
    parts = sections(frame)
    if len(parts) > 1:
        names = list(dict.fromkeys(shared.get("experiment", "") for shared, _ in parts))
        if len(names) > 1:
            raise UsageError(f"--picture draws one experiment; name the folder of one of {listed(map(repr, names))}")
        titles = "\n  ".join(title_of(shared, part, parts) for shared, part in parts)
        raise UsageError(f"--picture draws one table, and these results make {len(parts)}:\n  {titles}")
    return parts[0][1] if parts else frame
