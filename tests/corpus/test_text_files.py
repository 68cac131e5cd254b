from pathlib import Path

import pytest

from vaecli.core.errors import DataError
from vaecli.corpus.text_files import TextFile, clean_text


def clean(data):
    return clean_text("train", TextFile(Path("train.txt"), data))


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        (b"a b\nc\n", b"a b\nc\n", None),
        (b"a b\r\nc\r\n", b"a b\nc\n", None),
        (b"a\rb\rc\r", b"a\nb\nc\n", "3 carriage returns without a line feed taken as the ends of lines"),
        (b"a\rb\rc\r\n", b"a\nb\nc\n", "2 carriage returns without a line feed taken as the ends of lines"),
        (b"a\rb", b"a\nb", "1 carriage return without a line feed taken as the ends of lines"),
        (b"one line\r", b"one line\r", None),
        (b"a\rb c\nd\n", b"a\rb c\nd\n", "1 carriage return inside lines taken as white space"),
        (b"a\r\r\nb\r\r\n", b"a\r\nb\r\n", None),  # a file that was converted twice: white space at the ends
        (b"a\n\rb\n\r", b"a\n\rb\n\r", None),
        ("a\x85b\x85".encode(), b"a\nb\n", "2 characters NEL (U+0085) taken as the ends of lines"),
        ("a\u2028b".encode(), b"a\nb", "1 character line separator (U+2028) taken as the ends of lines"),
        ("a\u2028b\nc\n".encode(), "a\u2028b\nc\n".encode(), None),  # with line feeds it is white space
        (b"a\nb\n\x1a", b"a\nb\n", "the end-of-file character of DOS (Ctrl-Z) skipped"),
        (b"\xef\xbb\xbfa\nb\n", b"a\nb\n", "1 byte order mark skipped"),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", b"a\nb\n", "2 byte order marks skipped"),  # two files joined
    ],
)
def test_ends_of_lines_and_files(data, text, note):
    assert clean(data) == (text, [f"train: {note}"] if note else [])


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"BZh91AY&SYrest", "bzip2; unpack"),
        (b"BZh9\x17rE8P\x90", "bzip2; unpack"),  # of an empty file
        (b"\xfd7zXZ\x00rest", "xz; unpack"),
        (b"\x28\xb5\x2f\xfdrest", "zstd; unpack"),
        (b"\x04\x22\x4d\x18rest", "lz4; unpack"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07\x01", "RAR"),
        (b"\x1f\x9drest", "compress"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"{\\rtf1 a", "rich text"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"\x93NUMPY\x01", "numpy"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"\xff\xfe\x00\x00a\x00\x00\x00", "UTF-32"),
        (b"\xff\xfea\x00", "UTF-16; .*iconv -f UTF-16 "),
        ("the cat\nsat\n".encode("utf-16-le"), "train.txt:1:2: .*UTF-16 without a byte order mark; .*UTF-16LE"),
        ("the cat\nsat\n".encode("utf-16-be"), "train.txt:1:1: .*UTF-16 without a byte order mark; .*UTF-16BE"),
        (b"a\nb\x00c\n", "train.txt:2:2: a NUL byte"),
        (b"a\nna\xefve\n", "train.txt:2:3: byte 0xef is not UTF-8; .*iconv -f LATIN1"),
    ],
)
def test_what_is_no_text_is_named_with_the_way_out(data, what):
    with pytest.raises(DataError, match=what) as caught:
        clean(data)
    packed = any(word in what for word in ("bz", "xz", "zstd", "lz4", "7z", "RAR", "compress"))
    assert not (packed and "iconv" in str(caught.value))  # which would damage it further


@pytest.mark.parametrize("text", [b"BZh is a word\n", b"PAR1 is one too\n", b"Rar! they cried\n", b"%PD\n", b"] b\n"])
def test_words_that_look_like_formats_are_words(text):
    assert clean(text) == (text, [])
