"""Datasets of the Hugging Face hub, from the local cache alone."""

import json
import shutil
from pathlib import Path

import pytest

from vaecli.config import CorpusConfig
from vaecli.core.errors import DataError
from vaecli.corpus.load import load_corpus

datasets = pytest.importorskip("datasets")
TEXTS = [f"the {a} {b} {c} ." for a in ("red", "blue") for b in ("cat", "dog", "fox") for c in ("ran", "sat", "ate")]


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """Puts a dataset of some splits into the library's cache, as a download would."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})

    def put(name, config="default", **splits):
        files = {}
        for split, texts in splits.items():
            files[split] = str(tmp_path / f"{split}.csv")
            rows = "".join(f'"{text}",{n % 2}\n' for n, text in enumerate(texts))
            Path(files[split]).write_text("text,label\n" + rows)
        datasets.load_dataset("csv", data_files=files, features=features, cache_dir=tmp_path / "made")
        (made,) = (tmp_path / "made" / "csv").iterdir()
        target = tmp_path / "cache" / name.replace("/", "___") / config
        shutil.copytree(made, target)
        shutil.rmtree(tmp_path / "made")
        (info,) = target.glob("*/*/dataset_info.json")
        own = {"builder_name": "parquet", "dataset_name": name.split("/")[-1], "config_name": config}
        info.write_text(json.dumps({**json.loads(info.read_text()), **own}))
        for arrow in info.parent.glob("csv-*.arrow"):
            arrow.rename(arrow.with_name(arrow.name.replace("csv", own["dataset_name"])))

    return put


def load(data, **settings):
    return load_corpus(CorpusConfig(data=data, **settings))


def test_a_dataset_in_the_cache(cached):
    cached("someone/pets", train=TEXTS, validation=TEXTS[:4], test=TEXTS[4:8])
    corpus = load("hf:someone/pets")
    assert corpus.name == "pets"
    assert [len(corpus.split(part)) for part in ("train", "valid", "test")] == [18, 4, 4]
    assert corpus.train.label_names == {"label": ("neg", "pos")}
    assert corpus.fingerprint == load("hf:someone/pets", text_column="1", label_column="label").fingerprint
    assert not datasets.config.HF_HUB_OFFLINE  # the program's, not the user's


def test_splits_that_it_lacks_are_taken_out_of_train(cached):
    cached("pets", train=TEXTS, test=TEXTS[:5])
    corpus = load("hf:pets")
    assert [len(corpus.split(part)) for part in ("train", "valid", "test")] == [16, 2, 5]
    assert any(note.startswith("split: train 16, valid 2: a tenth of each label for valid") for note in corpus.notes)


def test_a_configuration_is_asked_for(cached):
    cached("glue", "sst2", train=TEXTS)
    cached("glue", "cola", train=TEXTS[1:])
    with pytest.raises(DataError, match=r"name a configuration .* hf:glue:CONFIG: (sst2, cola|cola, sst2)$"):
        load("hf:glue")
    with pytest.raises(DataError, match=r"name a configuration .* hf:glue:CONFIG: cola, sst2$"):
        load("hf:glue:mnli")
    assert load("hf:glue:sst2").name == "glue-sst2"


def test_what_is_not_in_the_cache_comes_with_the_command_that_fetches_it(cached):
    with pytest.raises(DataError, match="not in the local cache") as caught:
        load("hf:someone/none")
    assert """python -c "import datasets; datasets.load_dataset('someone/none')\"""" in str(caught.value)


def test_no_train_split(cached):
    cached("pets", validation=TEXTS)
    with pytest.raises(DataError, match="no split `train`; it has validation"):
        load("hf:pets")
