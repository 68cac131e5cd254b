"""Files that are never seen half written."""

import math
import os

import pytest

from vaecli.core.errors import DataError
from vaecli.core.files import dump_json, load_json, sweep, write_atomic


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomic(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"a\.json: can't write 3 bytes: No space left"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_readers_never_see_a_part(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_atomic(path, b"1" * 10)
    seen = []
    real = os.replace

    def replace(source, target):
        seen.append((path.read_bytes(), os.path.getsize(source)))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    write_atomic(path, b"2" * 20)
    assert seen == [(b"1" * 10, 20)]  # complete before it takes the name
    assert path.read_bytes() == b"2" * 20


def test_sweep_takes_only_what_writers_leave(tmp_path):
    for name in (".run.json.123.tmp", "run.json", ".lock", "x.tmp", ".hidden.tmp"):
        (tmp_path / name).touch()
    assert [p.name for p in sweep(tmp_path)] == [".run.json.123.tmp"]
    assert {p.name for p in tmp_path.iterdir()} == {"run.json", ".lock", "x.tmp", ".hidden.tmp"}
    assert sweep(tmp_path / "none") == []


def test_json_keeps_infinities_and_stays_json(tmp_path):
    path = tmp_path / "m.json"
    path.write_text(dump_json({"a": math.inf, "b": [-math.inf, 1.5, None], "c": {"d": math.nan}}))
    assert '"inf"' in path.read_text()
    found = load_json(path)
    assert found["a"] == math.inf
    assert found["b"] == [-math.inf, 1.5, None]
    assert math.isnan(found["c"]["d"])
    assert load_json(tmp_path / "none") is None
