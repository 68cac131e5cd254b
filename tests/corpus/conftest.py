import pytest


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("VAE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folder(tmp_path):
    """Makes a corpus folder from the three files' content, text or bytes; None leaves a file out."""

    def make(train="the cat sat\nthe dog ran\n", valid="the cat ran\n", test="the dog sat\n", name="corpus"):
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        for part, content in (("train", train), ("valid", valid), ("test", test)):
            if content is not None:
                data = content if isinstance(content, bytes) else content.encode()
                (path / f"{part}.txt").write_bytes(data)
        return path

    return make
