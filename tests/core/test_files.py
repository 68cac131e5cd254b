"""Files that are never seen half written."""

import math
import os
from pathlib import Path

import pytest

from vaecli.core.errors import DataError
from vaecli.core.files import dump_json, load_json, sweep, write_atomic, write_output


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomic(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    told = r"a\.json: can't write 3 bytes: No space left on device; free some space, or name a place on another disk$"
    with pytest.raises(DataError, match=told) as caught:
        write_atomic(path, "new")
    assert caught.value.exit_code == 6
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
    document = load_json(path)
    assert document["a"] == math.inf
    assert document["b"] == [-math.inf, 1.5, None]
    assert math.isnan(document["c"]["d"])
    assert load_json(tmp_path / "none") is None


def test_a_file_system_that_is_only_read_is_said(tmp_path, monkeypatch):
    """There even the removal of what isn't there is refused."""

    def refuse(*arguments, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(DataError, match=r"a\.json: can't write 3 bytes: Read-only file system"):
        write_atomic(tmp_path / "a.json", "new")


def test_an_output_replaces_a_file_and_writes_into_a_device(tmp_path):
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "file.md")
    write_output(link, "text")
    assert link.is_symlink()
    assert (tmp_path / "file.md").read_text() == "text"
    write_output(tmp_path / "file.md", b"more")
    assert (tmp_path / "file.md").read_bytes() == b"more"
    write_output(Path(os.devnull), "text")
    assert not Path(os.devnull).is_file()
    with pytest.raises(DataError, match=r"file\.md: can't write 4 bytes: No such file or directory$"):
        write_output(tmp_path / "no" / "file.md", "text")


@pytest.mark.parametrize(("content", "why"), [("[" * 100_000, "nested too deeply"), ('{"a": "\\ud800"}', "surrogates")])
def test_json_that_no_one_can_use_is_no_json(tmp_path, content, why):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=why):
        load_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a": "\\ud83d\\ude00"}')
    assert load_json(tmp_path / "a.json") == {"a": "\U0001f600"}
