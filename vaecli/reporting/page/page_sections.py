"""The sections of a page: what belongs to each table of results, as the template needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from vaecli.reporting.by_protocol import protocol_views, protocols_in
from vaecli.reporting.notes import ReportContext, failures
from vaecli.reporting.page.library import script_json
from vaecli.reporting.page.page_curves import curve_data, dimension_data
from vaecli.reporting.page.page_gains import gain_data, gain_heads, gain_rows
from vaecli.reporting.page.page_planes import plane_data, row_kind
from vaecli.reporting.page.page_settings import differing_settings, shared_settings
from vaecli.reporting.page.page_trials import DEFAULTS, UNTOLD, PageTrial, group_trials, own_settings
from vaecli.reporting.paired import paired_views
from vaecli.reporting.table import build_views, sections, title_of
from vaecli.reporting.view import View
from vaecli.runs.groups import Group, grouped

if TYPE_CHECKING:
    import pandas as pd

    from vaecli.reporting.page.model_looks import Looks, ModelLook
    from vaecli.reporting.page.shown_models import ShownModels

FIRST_COLUMNS = ("neg_elbo", "rec")
"""Columns of history.csv of which the first that is there is drawn first."""
NO_FOLDER = "training curves, KL by dimension, codes and sentences: there is no run folder beside these results"
NO_MODELS = "codes, sentences and schedules: --without-models leaves the checkpoints alone"


@dataclass(frozen=True)
class TableChoice:
    """The table that a page begins with.

    Attributes:
        columns: With commas between; a default set without.
        sort: ``column`` or ``column:desc``.
        baseline: A method; adds the paired differences to it.
        per_trial: A row a trial instead of a method.
        ranked: Whether figures bear their ranks.
    """

    columns: str | None = None
    sort: str | None = None
    baseline: str | None = None
    per_trial: bool = False
    ranked: bool = False


@dataclass
class PageSection:
    """One table and what belongs to it.

    Attributes:
        ident: Of its HTML elements.
        title: What it is of.
        frame: A row a trial.
        view: The table.
        differences: To the baseline, where one was asked for.
        protocols: Each figure under each protocol, where there are several.
        groups: The rows that the charts are of.
        rows: The trials of each.
        experiment: Its name, empty where the results don't say.
        corpus: Its name.
        failures: A line a trial that has no figures.
        looks: What the models show; None where they were left alone.
    """

    ident: str
    title: str
    frame: pd.DataFrame
    view: View
    differences: View | None
    groups: list[Group]
    rows: list[list[PageTrial]]
    experiment: str
    corpus: str
    failures: list[str]
    protocols: View | None = None
    looks: Looks | None = None
    plane: dict[str, Any] | None = None
    curves: dict[str, Any] | None = None
    dimensions: list[dict[str, Any]] = field(default_factory=list)
    gains: dict[str, Any] | None = None
    own_settings: list[tuple[str, str]] = field(default_factory=list)

    def take(self, looks: Looks | None) -> None:
        """Takes in what the models show, and makes what depends on it."""
        self.looks = looks
        told = [own_settings(trials, None if look is None else look.settings) for trials, look in self._looked()]
        self.own_settings = list(zip(self.labels, self._with_variants(told), strict=True))
        self.plane = plane_data(self.frame, self.groups, [text for _, text in self.own_settings])
        self.curves = curve_data(self.rows)
        self.dimensions = dimension_data(self.rows)
        self.gains = gain_data(self.rows)

    def _looked(self) -> list[tuple[list[PageTrial], ModelLook | None]]:
        looks = self.looks.by_row if self.looks else {}
        return [(trials, looks.get(number)) for number, trials in enumerate(self.rows)]

    def _with_variants(self, told: Sequence[str]) -> list[str]:
        """The settings of each row; of rows without a folder those that the table names, if it names any."""
        named = "variant" in self.frame.columns
        variants = [str(group.key.get("variant") or "") or (DEFAULTS if named else UNTOLD) for group in self.groups]
        folders = [any(trial.config for trial in trials) for trials in self.rows]
        return [text if known else variant for text, variant, known in zip(told, variants, folders, strict=True)]

    @property
    def labels(self) -> list[str]:
        """Of the rows."""
        return [group.label for group in self.groups]

    @property
    def all_trials(self) -> list[PageTrial]:
        """Of all rows."""
        return list(chain.from_iterable(self.rows))

    @property
    def shared(self) -> list[tuple[str, str]]:
        """Settings of all trials."""
        return list(shared_settings(self.all_trials).items())

    @property
    def differing(self) -> list[tuple[str, str, str]]:
        """Settings in which trials differ."""
        return differing_settings(self.all_trials)

    @property
    def contents(self) -> list[tuple[str, str]]:
        """The parts that are there, for the table of contents."""
        parts = [
            ("table", "Figures", True),
            ("differences", "Differences", self.differences is not None),
            ("protocols", "Protocols side by side", self.protocols is not None),
            ("plane", "Rate, distortion, information", self.plane is not None),
            ("curves", "Training curves", self.curves is not None),
            ("weights", "Weight of the KL", self.has_weights),
            ("dimensions", "KL of each dimension", bool(self.dimensions)),
            ("gains", "What z is worth by position", self.gains is not None),
            ("codes", "Posterior means in 2-D", bool(self.shown and self.shown.code_rows)),
            ("sentences", "Samples, reconstructions", self.shown is not None),
            ("left", "Left out", bool(self.left_out)),
            ("settings", "Settings", True),
            ("failures", "Failures", True),
        ]
        return [(ident, name) for ident, name, there in parts if there]

    @property
    def plane_names(self) -> list[str]:
        """The methods that are points."""
        return [point["label"] for point in self.plane["points"]] if self.plane else []

    @property
    def curve_names(self) -> list[str]:
        """The methods that have curves."""
        numbers = dict.fromkeys(trial["m"] for trial in self.curves["trials"]) if self.curves else ()
        return [self.labels[number] for number in numbers]

    @property
    def first_column(self) -> str:
        """The column of history.csv that is drawn first."""
        columns = self.curves["columns"] if self.curves else []
        return next((name for name in (*FIRST_COLUMNS, *columns) if name in columns), "")

    @property
    def has_weights(self) -> bool:
        """Whether a history has the weight of the KL and the updates."""
        return self.curves is not None and {"kl_weight", "steps"} <= set(self.curves["columns"])

    @property
    def dimension_heads(self) -> list[str]:
        """1, 2, ... up to the most dimensions."""
        return [str(n + 1) for n in range(max((len(row["kl"]) for row in self.dimensions), default=0))]

    @property
    def dimension_rows(self) -> list[list[str]]:
        """A row a method, with as many cells as `dimension_heads` and two more."""
        rows = []
        for row in self.dimensions:
            cells = [f"{value:.3g}" for value in row["kl"]]
            gap = [""] * (len(self.dimension_heads) - len(cells))
            rows.append([self.labels[row["m"]], str(row["seeds"]), *cells, *gap])
        return rows

    @property
    def gain_heads(self) -> list[str]:
        """Positions of the gains."""
        return gain_heads(self.gains) if self.gains else []

    @property
    def gain_rows(self) -> list[list[str]]:
        """A row a run and kind of other code, with as many cells as `gain_heads` and three more."""
        return gain_rows(self.gains, self.labels) if self.gains else []

    @property
    def shown(self) -> ShownModels | None:
        """What models show; None where none could be read."""
        if self.looks is None or self.looks.sample is None:
            return None
        from vaecli.reporting.page.shown_models import ShownModels

        return ShownModels(self.groups, self.looks)

    @property
    def left_out(self) -> list[str]:
        """What is not on the page, and why."""
        if not any(trial.path for trial in self.all_trials):
            return [NO_FOLDER]
        if self.looks is None:
            return [NO_MODELS] if any(trial.trained for trial in self.all_trials) else []
        reasons: dict[str, list[str]] = {}
        for number, why in self.looks.missing.items():
            reasons.setdefault(why, []).append(self.labels[number])
        return [f"codes and sentences of {', '.join(names)}: {why}" for why, names in reasons.items()]

    @property
    def json(self) -> str:
        """What the charts are drawn from."""
        looks = self.looks.by_row if self.looks else {}
        weights = [(m, look.weights) for m, look in looks.items() if look.weights]
        return script_json(
            {
                "labels": self.labels,
                "kinds": {group.label: row_kind(group) for group in self.groups},
                "plane": self.plane,
                "curves": self.curves,
                "weights": [{"m": m, "steps": w.steps, "weights": w.weights} for m, w in weights],
                "dimensions": self.dimensions,
                "gains": self.gains,
                "codes": self.shown.chart() if self.shown else None,
            }
        )


def verdict_first(view: View) -> View:
    """The table with the verdict behind the method, so that it is seen however narrow the page is."""
    names = [head.name for head in view.heads]
    if "verdict" not in names:
        return view
    last = names.index("verdict")
    order = [0, last, *(n for n in range(1, len(names)) if n != last)]
    rows = tuple(tuple(row[n] for n in order) for row in view.rows)
    return replace(view, heads=tuple(view.heads[n] for n in order), rows=rows)


def page_sections(frame: pd.DataFrame, contexts: Mapping[str, ReportContext], table: TableChoice) -> list[PageSection]:
    """A section for each table that a report of the results has.

    Raises:
        UsageError: See `build_views` and `paired_views`; or a run folder can't be read.
    """
    views = build_views(frame, table.columns, table.sort, table.per_trial, contexts, ranked=table.ranked, explain=True)
    parts = sections(frame)
    paired: Sequence[View | None] = [None] * len(parts)
    if table.baseline is not None:
        paired = paired_views(frame, table.baseline, None, table.sort, contexts)
    on_page = []
    for number, ((shared, part), view, differences) in enumerate(zip(parts, views, paired, strict=True), 1):
        context = contexts.get(shared.get("experiment", ""), ReportContext())
        groups = grouped(part)
        on_page.append(
            PageSection(
                ident=f"s{number}",
                title=title_of(shared, part, parts) or "Results",
                frame=part,
                view=view if table.columns else verdict_first(view),
                differences=differences,
                groups=groups,
                rows=[group_trials(group, context) for group in groups],
                experiment=shared.get("experiment", ""),
                corpus=shared.get("corpus", "") or "-",
                failures=failures(part, context),
                protocols=protocol_views(part, None, None, contexts)[0] if len(protocols_in(part)) > 1 else None,
            )
        )
    return on_page
