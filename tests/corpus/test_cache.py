from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from vaecli.config import CorpusConfig
from vaecli.core.files import cache_folder
from vaecli.corpus import load as load_module
from vaecli.corpus.load import load_corpus


def load(path, **settings):
    return load_corpus(CorpusConfig(data=str(path), **settings))


@pytest.fixture
def encoded(monkeypatch):
    """How often a corpus was encoded rather than read from the cache."""
    calls = []
    original = load_module.encode_corpus
    monkeypatch.setattr(load_module, "encode_corpus", lambda *a, **k: calls.append(1) or original(*a, **k))
    return calls


def assert_same(a, b):
    assert a.fingerprint == b.fingerprint
    assert a.vocabulary.words == b.vocabulary.words
    for part in ("train", "valid", "test"):
        one, two = a.split(part), b.split(part)
        assert one.name == two.name == part
        assert one.tokens.equal(two.tokens)
        assert one.tokens.dtype == two.tokens.dtype
        assert one.offsets.equal(two.offsets)
        assert one.label_names == two.label_names
        assert {k: v.tolist() for k, v in one.labels.items()} == {k: v.tolist() for k, v in two.labels.items()}


def only_file():
    (file,) = cache_folder().iterdir()
    return file


def test_second_load_is_read(folder, encoded):
    path = folder(train="x\ta <s> b\ny\tc\n", valid="x\tb\n", test="y\tq\n")
    first, second = load(path), load(path)
    assert len(encoded) == 1
    assert_same(first, second)
    assert first.notes == second.notes
    assert second.vocabulary.encode(["<s>", "q"]) == first.vocabulary.encode(["<s>", "q"])


def test_any_change_of_text_or_settings_misses(folder, encoded):
    path = folder()
    load(path)
    load(path, max_length=2)
    load(path, min_freq=2)
    load(path, max_vocab=2)
    load(path, tokenizer="basic_english")
    assert len(encoded) == 5
    (path / "test.txt").write_text("the dog ran\n")
    load(path)
    assert len(encoded) == 6
    load(path, corpus_seed=5)  # of the synthetic corpus only
    assert len(encoded) == 6


def test_a_copy_of_the_folder_hits_under_its_own_name(folder, encoded):
    load(folder(name="one"))
    assert load(folder(name="two")).name == "two"
    assert len(encoded) == 1


def test_notes_name_the_file_that_was_read(encoded, tmp_path):
    table = "text,label\n" + "".join(f"a {word} ran,x\n" for word in ("cat", "dog", "fox", "pig", "cow", "hen"))
    for name in ("first.csv", "second.csv"):
        (tmp_path / name).write_text(table)
        assert any(f"(line 1 of {name})" in note for note in load(tmp_path / name).notes)
    assert len(encoded) == 2


def damage_header(file):
    file.write_bytes(b"\xff" * 8 + file.read_bytes()[8:])


def damage_content(file):
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))


def damage_facts(file):
    save_file(load_file(file), file, {"corpus": '{"key": 1}'})


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-5]),
        lambda file: save_file(load_file(file), file),
        damage_header,
        damage_content,
        damage_facts,
    ],
)
def test_a_damaged_file_is_replaced(folder, encoded, damage):
    path = folder()
    first = load(path)
    damage(only_file())
    second = load(path)
    assert len(encoded) == 2
    assert_same(first, second)
    assert [n for n in second.notes if n.startswith("cache: ")] == [
        f"cache: {only_file()} is damaged or can't be read; the corpus is encoded anew"
    ]
    third = load(path)
    assert len(encoded) == 2
    assert third.notes == first.notes


def test_a_folder_that_cannot_be_written(folder, encoded, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "file" / "cache"))
    corpus = load(folder())
    assert len(corpus.train) == 2
    notes = [n for n in corpus.notes if n.startswith("cache: ")]
    assert len(notes) == 1
    assert "not kept in" in notes[0]
    assert "VAE_CACHE" in notes[0]


def test_off(folder, encoded, monkeypatch):
    kept = cache_folder()
    monkeypatch.setenv("VAE_CACHE", "off")
    path = folder()
    load(path)
    load(path)
    assert len(encoded) == 2
    assert not list(kept.iterdir())
    assert not Path("off").exists()


def test_places(monkeypatch, tmp_path):
    monkeypatch.setenv("VAE_CACHE", "~/x")
    assert cache_folder() == Path.home() / "x"
    monkeypatch.setenv("VAE_CACHE", "~nobody-is-called-so/x")
    assert cache_folder() is None
    monkeypatch.delenv("VAE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "vae"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "vae"


def test_nothing_half_written_is_left(folder):
    load(folder())
    assert only_file().suffix == ".safetensors"
