"""Downloads from a server on this machine: mirrors, resumption, digests, archives that lie, and messages offline."""

import errno
import hashlib
import io
import json
import os
import random
import re
import socket
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vaecli.core import files
from vaecli.core.errors import DataError, UnwritableError, UsageError
from vaecli.corpus import downloads
from vaecli.corpus.downloads import CHUNK, DIGESTS, downloads_folder
from vaecli.corpus.fetched import fetch_corpus
from vaecli.corpus.origins import SPLITS
from vaecli.corpus.public_corpora import PublicCorpus, PublishedFile, public_corpora, public_corpus
from vaecli.corpus.records import count_sentences

pytest.importorskip("pooch")
BROKEN = 3 * CHUNK + 99
"""Bytes after which a connection breaks; a piece that isn't whole is lost with it."""
TEXTS = {"train": b"1\tthe cat sat\n0\ta dog ran\n" * 500, "valid": b"1\ta cat\n", "test": b"0\tthe dog\n\n"}


class Handler(BaseHTTPRequestHandler):
    """Serves the server's files; answers range requests, and breaks off where it is told to."""

    def do_GET(self):
        content = self.server.files.get(self.path)
        start = int(re.findall(r"\d+", self.headers.get("Range", "bytes=0-"))[0])
        self.server.asked.append((self.path, start))
        if content is None:
            self.send_error(404)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", "text/html" if content.startswith(b"<html") else "application/octet-stream")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.path in self.server.breaking:
            self.server.breaking.remove(self.path)
            self.wfile.write(content[start : start + BROKEN])
            self.close_connection = True
        else:
            self.wfile.write(content[start:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.asked, server.breaking = {}, [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def nowhere():
    """An address at which nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def tar(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


MEMBERS = {f"all/pets/pets.{part}.txt": text for part, text in TEXTS.items()}


def corpus(*urls, name="pets.tar.gz", sha256="", sentences=None):
    splits = {part: f"pets/pets.{part}.txt" for part in SPLITS}
    file = PublishedFile(name, sha256, urls)
    return PublicCorpus("pets", "Pets", "a paper", "free", "quick", (file,), splits, sentences or {})


def run(which, folder, mirrors=(), overwrite=False, progress=lambda *_: None):
    return fetch_corpus(which, folder, mirrors, overwrite, progress)


@pytest.mark.parametrize(("name", "pack"), [("pets.tar.gz", tar), ("pets.zip", zipped)])
def test_an_archive_becomes_three_files(name, pack, server, tmp_path):
    server.files[f"/{name}"] = pack(MEMBERS)
    told = []
    counts, notes = run(
        corpus(f"{server.url}/{name}", name=name), tmp_path / "pets", progress=lambda *values: told.append(values)
    )
    assert counts == {"train": 1000, "valid": 1, "test": 1}
    assert {p.name: p.read_bytes() for p in (tmp_path / "pets").iterdir()} == {f"{n}.txt": t for n, t in TEXTS.items()}
    assert told[-1] == (name, len(pack(MEMBERS)), len(pack(MEMBERS)))
    assert "no digest of the public file was known" in notes[0]


def test_plain_files_are_verified_by_their_digests(server, tmp_path):
    files = []
    for part, text in TEXTS.items():
        server.files[f"/{part}"] = text
        files.append(PublishedFile(f"pets.{part}.txt", hashlib.sha256(text).hexdigest(), (f"{server.url}/{part}",)))
    splits = {part: f"pets.{part}.txt" for part in SPLITS}
    plain = PublicCorpus("pets", "Pets", "", "", "quick", tuple(files), splits, {"train": 1000})
    assert run(plain, tmp_path / "pets")[1] == []
    asked = len(server.asked)
    run(plain, tmp_path / "again")
    assert len(server.asked) == asked, "what is there is not downloaded again"


def test_a_file_of_another_digest_is_not_kept(server, tmp_path):
    server.files |= {"/bad": tar({**MEMBERS, "more": b"x"}), "/good": tar(MEMBERS)}
    digest = hashlib.sha256(server.files["/good"]).hexdigest()
    with pytest.raises(DataError, match="another file than the published one"):
        run(corpus(f"{server.url}/bad", sha256=digest), tmp_path / "pets")
    assert not (downloads_folder() / "pets.tar.gz").exists()
    run(corpus(f"{server.url}/bad", f"{server.url}/good", sha256=digest), tmp_path / "pets")  # the next address
    assert (tmp_path / "pets" / "train.txt").read_bytes() == TEXTS["train"]


def test_the_first_digest_holds_where_none_was_known(server, tmp_path):
    server.files["/pets.tar.gz"] = tar(MEMBERS)
    which = corpus(f"{server.url}/pets.tar.gz")
    assert "recorded now" in run(which, tmp_path / "a")[1][0]
    assert "that of the first download" in run(which, tmp_path / "b")[1][0]
    path = downloads_folder() / "pets.tar.gz"
    assert json.loads((path.parent / DIGESTS).read_text()) == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    path.write_bytes(tar({**MEMBERS, "more": b"x"}))
    with pytest.raises(DataError, match="not the file that was first downloaded"):
        run(which, tmp_path / "c")


def test_mirrors_come_first_and_then_the_addresses_in_their_order(server, nowhere, tmp_path):
    server.files["/third/pets.tar.gz"] = tar(MEMBERS)
    which = corpus(f"{nowhere}/pets.tar.gz", f"{server.url}/third/pets.tar.gz")
    run(which, tmp_path / "pets", mirrors=[f"{server.url}/mirror/"])
    assert [path for path, _ in server.asked] == ["/mirror/pets.tar.gz", "/third/pets.tar.gz"]


def test_a_connection_that_broke_is_gone_on_with(server, tmp_path):
    content = tar({**MEMBERS, "noise": random.Random(0).randbytes(2 * BROKEN)})
    server.files["/pets.tar.gz"] = content
    server.breaking.append("/pets.tar.gz")
    which = corpus(f"{server.url}/pets.tar.gz", sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(DataError, match=r"can't be downloaded(.|\n)*/pets\.tar\.gz: "):
        run(which, tmp_path / "pets")
    assert not (downloads_folder() / "pets.tar.gz").exists()
    run(which, tmp_path / "pets")
    assert [start for _, start in server.asked] == [0, BROKEN // CHUNK * CHUNK]
    assert [p.name for p in downloads_folder().iterdir()] == ["pets.tar.gz"]


def test_without_a_network_the_message_says_which_file_to_put_where(nowhere, tmp_path):
    which = corpus(f"{nowhere}/pets.tar.gz")
    with pytest.raises(DataError, match="can't be downloaded") as caught:
        run(which, tmp_path / "pets")
    path = downloads_folder() / "pets.tar.gz"
    assert f"put it at {path}" in str(caught.value)
    assert f"\n  {nowhere}/pets.tar.gz: " in str(caught.value)
    path.write_bytes(tar(MEMBERS))  # by hand
    assert run(which, tmp_path / "pets")[0]["train"] == 1000


def test_all_files_that_are_missing_are_named_at_once(nowhere, tmp_path):
    files = tuple(PublishedFile(f"pets.{part}.txt", "", (f"{nowhere}/{part}",)) for part in SPLITS)
    which = PublicCorpus("pets", "Pets", "", "", "quick", files, {part: f"pets.{part}.txt" for part in SPLITS}, {})
    downloads_folder().mkdir(parents=True)
    (downloads_folder() / "pets.valid.txt").write_bytes(TEXTS["valid"])
    with pytest.raises(DataError, match=r"pets\.train\.txt: can't be downloaded") as caught:
        run(which, tmp_path / "pets")
    assert f"also needed there: pets.test.txt: {nowhere}/test" in str(caught.value)
    assert "pets.valid.txt" not in str(caught.value)


@pytest.mark.parametrize("call", ["mkdir", "replace", "digests"])
def test_a_download_that_the_disk_does_not_take_is_no_failed_download(call, server, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    server.files["/pets.tar.gz"] = tar(MEMBERS)
    target = {"mkdir": (Path, "mkdir"), "replace": (downloads.os, "replace"), "digests": (files.os, "fsync")}[call]
    monkeypatch.setattr(*target, full)
    with pytest.raises(UnwritableError, match="No space left on device; free some space") as caught:
        run(corpus(f"{server.url}/pets.tar.gz"), tmp_path / "pets")
    assert caught.value.exit_code == 6
    assert "can't be downloaded" not in str(caught.value)


def test_a_web_page_is_no_file(server, tmp_path):
    server.files["/pets.tar.gz"] = b"<html>quota exceeded</html>"
    with pytest.raises(DataError, match="a web page instead of the file"):
        run(corpus(f"{server.url}/pets.tar.gz"), tmp_path / "pets")
    assert not (downloads_folder() / "pets.tar.gz").exists()


@pytest.mark.parametrize("pack", [tar, zipped])
def test_nothing_is_written_where_an_archive_says(pack, server, tmp_path):
    evil = {"../../evil": b"x", "/tmp/evil-of-an-archive": b"x", **MEMBERS}
    server.files["/pets.tar.gz"] = pack(evil)
    run(corpus(f"{server.url}/pets.tar.gz"), tmp_path / "deep" / "pets")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file() and "downloads" not in p.parts) == [
        "test.txt",
        "train.txt",
        "valid.txt",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tar(MEMBERS)[:-40], "damaged: .*; delete it"),
        (tar({"x": b""}), r"pets/pets\.train\.txt isn't in"),
        (tar({**MEMBERS, "other/pets/pets.test.txt": b"a\n"}), r"pets/pets\.test\.txt is several times in"),
        (b"neither tar nor zip", r"pets/pets\.train\.txt isn't in"),
    ],
    ids=["cut off", "other members", "a member twice", "no archive"],  # what gzip writes holds the time
)
def test_other_archives_than_the_published_one(content, message, server, tmp_path):
    server.files["/pets.tar.gz"] = content
    with pytest.raises(DataError, match=message):
        run(corpus(f"{server.url}/pets.tar.gz"), tmp_path / "pets")
    assert not (tmp_path / "pets").exists()


def test_another_number_of_sentences_is_another_corpus(server, tmp_path):
    server.files["/pets.tar.gz"] = tar(MEMBERS)
    with pytest.raises(DataError, match="test has 1 sentence, not 2"):
        run(corpus(f"{server.url}/pets.tar.gz", sentences={"test": 2}), tmp_path / "pets")


def test_files_of_another_text_stay(server, tmp_path):
    server.files["/pets.tar.gz"] = tar(MEMBERS)
    which = corpus(f"{server.url}/pets.tar.gz")
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "test.txt").write_text("mine\n")
    with pytest.raises(UsageError, match=r"test\.txt: there already, .*--overwrite"):
        run(which, tmp_path / "pets")
    assert [p.name for p in (tmp_path / "pets").iterdir()] == ["test.txt"]
    run(which, tmp_path / "pets", overwrite=True)
    assert (tmp_path / "pets" / "test.txt").read_bytes() == TEXTS["test"]


def test_the_corpora_of_the_literature():
    corpora = public_corpora()
    assert set(corpora) == {"ptb", "yahoo", "yelp", "snli", "yelp_short"}
    for known in corpora.values():
        assert set(known.splits) == set(SPLITS)
        assert known.title
        assert known.paper
        assert known.terms
        for file in known.files:
            assert re.fullmatch(r"[0-9a-f]{64}|", file.sha256)
            assert file.urls
            assert all(url.startswith("https://") for url in file.urls)
    assert public_corpus("Yelp-Short").name == "yelp_short"
    with pytest.raises(UsageError, match=r"unknown corpus 'ptbb' .*did you mean 'ptb'"):
        public_corpus("ptbb")


@pytest.mark.skipif("VAE_TEST_DATA" not in os.environ, reason="VAE_TEST_DATA names no folder of corpora")
def test_the_digests_of_the_penn_treebank():
    for file, part in zip(public_corpus("ptb").files, SPLITS, strict=True):
        text = (Path(os.environ["VAE_TEST_DATA"]) / "ptb" / f"{part}.txt").read_bytes()
        assert hashlib.sha256(text).hexdigest() == file.sha256


def test_a_missing_library_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(UsageError, match=r"pip install 'vaecli\[fetch\]'"):
        run(corpus("https://nowhere/pets.tar.gz"), tmp_path / "pets")


def test_downloads_without_a_cache(monkeypatch):
    monkeypatch.setenv("VAE_CACHE", "off")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert downloads_folder().parts[-2:] == ("vae", "downloads")


def test_a_carriage_return_inside_a_line_ends_no_sentence():
    assert count_sentences(b"a \r b\nc\r\n \r\n\nd") == 3
    assert count_sentences("a\n\u00a0\n\u3000\r\nb".encode()) == 2
