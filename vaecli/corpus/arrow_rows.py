"""Parquet files, and datasets of the Hugging Face hub in the local cache, as lines of JSON for `table_files`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vaecli.core.errors import DataError, UsageError, listed
from vaecli.corpus.origins import SPLITS, hub_name
from vaecli.corpus.text_files import TextFile

ROWS = 1 << 12
"""Rows that are turned into lines together."""

SPLIT_NAMES = {"train": ("train",), "valid": ("validation", "valid", "dev", "val"), "test": ("test",)}
"""What datasets of the hub call their splits."""


def parquet_lines(file: TextFile) -> bytes:
    """The rows of a Parquet file; columns that hold no texts, numbers or truth values are left out.

    Raises:
        DataError: It is damaged, or has no such column.
        UsageError: pyarrow is missing.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise UsageError(f"{file.path}: Parquet needs a library: pip install 'vaecli[parquet]'") from None
    try:
        table = parquet.ParquetFile(pa.BufferReader(file.data))
        columns = [field.name for field in table.schema_arrow if _is_plain(field.type)]
        if not columns:
            raise DataError(f"{file.path}: no column of texts; it has {listed(table.schema_arrow.names) or 'none'}")
        batches = table.iter_batches(batch_size=ROWS, columns=columns)
        # by columns, which takes a fraction of the time that `to_pylist` of rows does
        held = (_plain_values(batch) for batch in batches)
        return _lines(dict(zip(columns, row, strict=True)) for values in held for row in zip(*values, strict=True))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{file.path}: not a Parquet file, or a damaged one: {reason}") from None


def _plain_values(batch: Any) -> list[list[Any]]:
    """The values of a batch, by column; asked for a column ``a.b``, pyarrow adds one ``a`` with a field ``b``."""
    fields = zip(batch.schema, batch.columns, strict=True)
    return [column.to_pylist() for field, column in fields if _is_plain(field.type)]


def _is_plain(kind: Any) -> bool:
    """Whether values of an Arrow type may be a sentence or a label."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    tests = (types.is_string, types.is_large_string, types.is_integer, types.is_boolean, types.is_floating)
    return any(test(kind) for test in tests) or str(kind) == "string_view"


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    lines = bytearray()
    for row in rows:
        lines += json.dumps(row, ensure_ascii=True).encode() + b"\n"
    return bytes(lines)


def hub_files(data: str) -> dict[str, TextFile]:
    """The splits of a dataset of the hub, as files of lines of JSON; no network is used.

    Args:
        data: ``hf:NAME`` or ``hf:NAME:CONFIG``.

    Returns:
        Train, and valid and test where the dataset has them.

    Raises:
        DataError: It is not in the local cache, or has no train split.
        UsageError: The library `datasets` is missing.
    """
    name, config = hub_name(data)
    try:
        import datasets
    except ImportError:
        raise UsageError(f"{data} (--data): datasets of the hub need a library: pip install 'vaecli[hub]'") from None
    with _offline(datasets):
        splits = _load(datasets, name, config, data)
    named = {part: next((n for n in names if n in splits), None) for part, names in SPLIT_NAMES.items()}
    if named["train"] is None:
        raise DataError(f"{data} (--data): no split `train`; it has {listed(splits) or 'none'}")
    return {
        part: TextFile(Path(f"{data}/{split}"), _lines(_rows(splits[split], f"{data}/{split}")), ".jsonl")
        for part in SPLITS
        if (split := named[part]) is not None
    }


@contextmanager
def _offline(library: Any) -> Iterator[None]:
    """Keeps the library from asking the network, and from talking, while it looks into its cache."""
    from huggingface_hub import constants

    switches = [
        (library.config, "HF_HUB_OFFLINE"),
        (library.config, "HF_DATASETS_OFFLINE"),
        (constants, "HF_HUB_OFFLINE"),
    ]
    before = [(module, name, getattr(module, name)) for module, name in switches if hasattr(module, name)]
    verbosity = library.logging.get_verbosity()
    try:
        for module, name, _ in before:
            setattr(module, name, True)
        library.logging.set_verbosity_error()
        yield
    finally:
        library.logging.set_verbosity(verbosity)
        for module, name, value in before:
            setattr(module, name, value)


def _load(library: Any, name: str, config: str | None, data: str) -> Mapping[str, Any]:
    try:
        tables = library.load_dataset(name, config)
    except Exception as error:  # the library raises many kinds, also of others
        reason = " ".join(str(error).split()) or type(error).__name__
        if known := re.search(r"(?:configs|configurations) in the cache: \[?(.*?)(?:\]| Please)", reason):
            configs = known[1].replace("'", "")
            there = f"{data.removesuffix(f':{config}')}:CONFIG"
            raise DataError(f"{data} (--data): name a configuration that is in the cache, {there}: {configs}") from None
        named = f"'{name}'" if config is None else f"'{name}', '{config}'"
        raise DataError(
            f"{data} (--data): not in the local cache ({reason[:200]}); where there is a network, fetch it with\n"
            f'  python -c "import datasets; datasets.load_dataset({named})"'
        ) from None
    return {str(split): table for split, table in tables.items()}


def _rows(table: Any, source: str) -> Iterator[dict[str, Any]]:
    """The rows of one split: columns of texts, numbers and truth values, classes by their names.

    Times, decimals and bytes are values too, which are none of these.

    Raises:
        DataError: There is no such column.
    """
    from datasets import ClassLabel, Value

    classes = {name: kind.names for name, kind in table.features.items() if isinstance(kind, ClassLabel)}
    plain = [name for name, kind in table.features.items() if isinstance(kind, Value) and _is_plain(kind.pa_type)]
    chosen = [name for name in table.features if name in classes or name in plain]
    if not chosen:
        raise DataError(f"{source}: no column of texts; it has {listed(table.features) or 'none'}")
    for batch in table.select_columns(chosen).iter(batch_size=ROWS):
        for values in zip(*batch.values(), strict=True):
            row = dict(zip(batch, values, strict=True))
            for name, names in classes.items():
                code = row[name]
                row[name] = names[code] if code is not None and 0 <= code < len(names) else code
            yield row
