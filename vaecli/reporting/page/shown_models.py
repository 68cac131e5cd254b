"""What the models of a section show, as the tables of codes and sentences and the chart of codes need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vaecli.reporting.page.model_looks import TOLD, Looks, ModelLook, SplitSample
from vaecli.reporting.view import UNDEFINED
from vaecli.runs.groups import Group


@dataclass(frozen=True)
class ShownModels:
    """The looks of a section's rows.

    Attributes:
        groups: The rows.
        looks: At a model of each.
    """

    groups: Sequence[Group]
    looks: Looks

    @property
    def labels(self) -> list[str]:
        """Of the rows."""
        return [group.label for group in self.groups]

    @property
    def sample(self) -> SplitSample | None:
        """The sentences that the models were shown."""
        return self.looks.sample

    def _coded(self) -> list[tuple[int, ModelLook]]:
        return [(number, look) for number, look in self.looks.by_row.items() if look.codes]

    @property
    def code_names(self) -> list[str]:
        """The methods that have codes."""
        return [self.labels[number] for number, _ in self._coded()]

    @property
    def first_code(self) -> str:
        """The method whose code tells most of the sentence, which is shown first."""
        coded = self._coded()
        if not coded:
            return ""
        means = {number: figure.mean for number, _ in coded if (figure := self.groups[number].summary("mi"))}
        return self.labels[max((number for number, _ in coded), key=lambda n: means.get(n, -1.0))]

    @property
    def code_rows(self) -> list[list[str]]:
        """For each method its seed, the shares of the two components, and the deviation of the means."""
        return [
            [
                self.labels[number],
                _seed(look),
                *(f"{100 * share:.0f} %" for share in look.shares),
                f"{look.deviation:.3g}",
            ]
            for number, look in self._coded()
        ]

    @property
    def sample_heads(self) -> list[str]:
        """Of the table of samples."""
        wide = max((len(look.samples) for look in self.looks.by_row.values()), default=0)
        return [f"sample {n + 1}" for n in range(wide)]

    @property
    def sample_rows(self) -> list[list[str]]:
        """A row a method."""
        return [[self.labels[n], *look.samples] for n, look in self.looks.by_row.items()]

    @property
    def source_heads(self) -> list[str]:
        """The sentences that were reconstructed."""
        wide = max((len(look.reconstructions) for _, look in self._coded()), default=0)
        return list(self.sample.texts[:wide]) if self.sample else []

    @property
    def text_rows(self) -> list[list[str]]:
        """A row a method of reconstructions."""
        return [[self.labels[number], *look.reconstructions] for number, look in self._coded()]

    @property
    def step_heads(self) -> list[str]:
        """Of the table of interpolations, the two sentences at its ends."""
        wide = max((len(look.interpolation) for _, look in self._coded()), default=0)
        if not wide or self.sample is None:
            return []
        first, last = (self.sample.texts * 2)[:2]
        return [f"from: {first}", *(f"{n}/{wide - 1}" for n in range(1, wide - 1)), f"to: {last}"]

    @property
    def step_rows(self) -> list[list[str]]:
        """A row a method of interpolations."""
        return [[self.labels[number], *look.interpolation] for number, look in self._coded()]

    def chart(self) -> dict[str, Any] | None:
        """The codes as the chart needs them; None where there are none."""
        if self.sample is None or not self._coded():
            return None
        return {
            "texts": [text if len(text) <= TOLD else text[: TOLD - 1] + "…" for text in self.sample.texts],
            "labels": self.sample.labels,
            "names": self.sample.names,
            "field": self.sample.field,
            "methods": [
                {"m": number, "shares": look.shares, "xy": [[float(f"{v:.4g}") for v in pair] for pair in look.codes]}
                for number, look in self._coded()
            ],
        }


def _seed(look: ModelLook) -> str:
    return UNDEFINED if look.seed is None else str(look.seed)
