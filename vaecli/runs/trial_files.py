"""What run.json and metrics.json hold, with the type of every value.

People edit them, and disks and other programs spoil them: a value of another type is refused here by its key, once, so
that no reader has to ask. Keys that this version doesn't know are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vaecli.core.checked import problems, shown
from vaecli.core.errors import UsageError
from vaecli.metrics.schema import COLUMNS

LARGEST = 2**63 - 1
"""Of a whole number in a table."""

Count = Annotated[int, Field(ge=0, le=LARGEST)]
Versions = dict[str, int | str]


class _Fields(BaseModel):
    """Fields of which a file may lack any, and hold others besides."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class CorpusFields(_Fields):
    """What run.json says of the corpus, once the run has begun."""

    name: str | None = None
    path: str | None = None
    fingerprint: str | None = None
    vocabulary: Count | None = None
    train_sentences: Count | None = None
    longest: Count | None = None


class PackageFields(_Fields):
    """What run.json says of the package that a remedy is of."""

    name: str = ""
    version: str = ""


class RunFields(_Fields):
    """What is read of run.json."""

    status: str
    message: str | None = None
    early_warning: str | None = None
    method: str = ""
    seed: Count = 0
    override: dict[str, dict[str, Any]] | None = None
    own: dict[str, dict[str, Any]] | None = None
    protocol: str = "shared"
    recipe: str | None = None
    corpus: CorpusFields | None = None
    remedies: Versions = Field(default_factory=dict)
    packages: dict[str, PackageFields] = Field(default_factory=dict)
    estimators: Versions = Field(default_factory=dict)
    notes: list[Any] | None = None
    seconds: float = Field(0.0, ge=0)


class SplitFields(_Fields):
    """Figures of the split that the run doesn't report."""

    values: dict[str, Any] = Field(default_factory=dict)

    @field_validator("values")
    @classmethod
    def _check_figures(cls, values: dict[str, Any]) -> dict[str, Any]:
        return check_figures(values)


class MetricsFields(SplitFields):
    """What is read of metrics.json."""

    splits: dict[str, SplitFields] = Field(default_factory=dict)


def check_figures(values: dict[str, Any]) -> dict[str, Any]:
    """Figures by column, those of columns that hold words left aside.

    Raises:
        ValueError: One is no number, is too large for one, or is no count where a count belongs.
    """
    for name, value in values.items():
        kind = COLUMNS[name].kind if name in COLUMNS else "float"
        if kind == "text" or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name} must be a number or null, got {shown(value)}")
        if kind == "int" and not _is_count(value):
            raise ValueError(f"{name} must be a whole number from 0 on, got {shown(value)}")
        if isinstance(value, int) and abs(value) > LARGEST:
            raise ValueError(f"{name} must be at most {LARGEST} in size, got {shown(value)}")
    return values


def _is_count(value: float) -> bool:
    return 0 <= value <= LARGEST and value == int(value)


def check_fields(path: Path, data: Mapping[str, Any], kind: type[_Fields]) -> None:
    """Refuses a file of a run in which a value is of another type.

    Args:
        path: The file.
        data: Its contents.
        kind: `RunFields` or `MetricsFields`.

    Raises:
        UsageError: With every such key on a line of its own.
    """
    try:
        kind.model_validate(data)
    except ValidationError as error:
        lines = "\n  ".join(problems(error, kind))
        raise UsageError(f"{path}: {lines}; mend the file, or start the run anew with --overwrite") from None
