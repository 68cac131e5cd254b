"""history.csv: appended rows, torn lines, resumed runs."""

import math

import pytest

from vaecli.core.errors import DataError
from vaecli.runs.history import append_row, forget_after, read_rows


def test_rows_come_back_as_they_were(tmp_path):
    path = tmp_path / "history.csv"
    rows = [
        {"epoch": 1, "phase": "train", "kl": 0.1 + 0.2, "mi": None, "best": True},
        {"epoch": 2, "phase": 'a,"b"\nc', "kl": -1e-300, "mi": math.inf, "best": False},
    ]
    for row in rows:
        append_row(path, row)
    assert read_rows(path) == [
        {"epoch": 1, "phase": "train", "kl": 0.1 + 0.2, "mi": None, "best": 1},
        {"epoch": 2, "phase": 'a,"b" c', "kl": -1e-300, "mi": math.inf, "best": 0},
    ]
    assert path.read_text().count("\n") == 3


def test_no_file_has_no_rows(tmp_path):
    assert read_rows(tmp_path / "history.csv") == []


@pytest.mark.parametrize("torn", ["3,0.", "3,0.5", '3,"', "3"])
def test_a_torn_last_line_does_not_count_and_is_cut_off(tmp_path, torn):
    path = tmp_path / "history.csv"
    for epoch in (1, 2):
        append_row(path, {"epoch": epoch, "kl": epoch / 2})
    whole = path.read_text()
    path.write_text(whole + torn)
    assert [row["epoch"] for row in read_rows(path)] == [1, 2]
    append_row(path, {"epoch": 3, "kl": 1.5})
    assert path.read_text() == whole + "3,1.5\n"


def test_a_damaged_byte_moves_no_row(tmp_path):
    path = tmp_path / "history.csv"
    path.write_bytes(b"epoch,phase\n1,tr\xffin\n")
    append_row(path, {"epoch": 2, "phase": "train"})
    assert path.read_bytes() == b"epoch,phase\n1,tr\xffin\n2,train\n"


def test_a_torn_header_is_started_anew(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epo")
    append_row(path, {"epoch": 1})
    assert path.read_text() == "epoch\n1\n"


def test_a_new_column_is_empty_before(tmp_path):
    path = tmp_path / "history.csv"
    append_row(path, {"epoch": 1})
    append_row(path, {"epoch": 2, "mi": 0.5})
    append_row(path, {"epoch": 3})
    assert path.read_text() == "epoch,mi\n1,\n2,0.5\n3,\n"


def test_rows_after_the_checkpoint_are_forgotten(tmp_path):
    path = tmp_path / "history.csv"
    for epoch in (1, 2, 3):
        append_row(path, {"epoch": epoch})
    path.write_text(path.read_text() + "4")
    forget_after(path, 2)
    assert path.read_text() == "epoch\n1\n2\n"
    forget_after(path, 0)
    assert path.read_text() == "epoch\n"
    forget_after(tmp_path / "none.csv", 0)
    assert not (tmp_path / "none.csv").exists()


def test_a_row_that_can_not_be_written_is_an_error_and_the_old_rows_stay(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    append_row(path, {"epoch": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"history\.csv: can't write 2 bytes: No space left"):
        append_row(path, {"epoch": 2})
    assert read_rows(path)[0] == {"epoch": 1}


def test_a_history_that_was_spoiled_is_named_or_read(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,kl\n1,0.5\n2," + "x" * 200_000 + "\n")
    for reader in (read_rows, lambda p: forget_after(p, 1), lambda p: append_row(p, {"epoch": 3, "kl": 1.0})):
        with pytest.raises(DataError, match=r"history\.csv:3: field larger than field limit"):
            reader(path)
    path.write_text("epoch,kl\n" + "9" * 5000 + ",\0\n,,,\n\n")
    assert [row.get("epoch") for row in read_rows(path)] == ["9" * 5000, None, None]
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match=r"history\.csv: can't read it"):
        read_rows(path)
