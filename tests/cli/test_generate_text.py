"""`vae generate` prints text: runs of tokenizers that cut words are undone, and read what their folder keeps."""

import json
import shutil

import pytest
import sentencepiece
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.core.errors import UsageError
from vaecli.runs.folder import RunFolder
from vaecli.runs.loaded_run import load_run

SENTENCES = [
    "The cook doesn't like <unk> soup.",
    'A dog said: "it\'s (very) cold".',
    "We can't pay $5, <unk> & all!",
    "It rains; the soup is cold.",
]


def invoke(*words):
    result = CliRunner().invoke(app, [*map(str, words)])
    if isinstance(result.exception, Exception):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


SMALL = ["embedding_size=8", "encoder_size=8", "decoder_size=16", "latent_size=4"]


def train(base, tokenizer, *options):
    sets = [word for value in SMALL for word in ("--set", f"model.{value}")]
    sets += ["--set", "training.batch_size=8", "--set", "training.learning_rate=0.03"]
    data = ["--data", base / "text", "--tokenizer", tokenizer, "--out", base, "--name", tokenizer, "--quiet"]
    return invoke("train", "--method", "ae", *data, *sets, *options)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A corpus in `text`, and runs of three tokenizers on it."""
    base = tmp_path_factory.mktemp("text")
    (base / "text").mkdir()
    for name in ("train", "valid", "test"):
        (base / "text" / f"{name}.txt").write_text("\n".join(SENTENCES * (30 if name == "train" else 1)) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAE_CACHE", str(base / "cache"))
        for tokenizer in ("bpe", "moses", "split"):
            train(base, tokenizer, "--epochs", 12)
    return base


def run_of(base, tokenizer):
    return base / tokenizer / "ae" / "seed-0"


@pytest.mark.parametrize("tokenizer", ["bpe", "moses", "split"])
def test_reconstructions_are_text(base, tokenizer):
    lines = invoke("generate", run_of(base, tokenizer), "--from", "posterior", "-n", 4).stdout.splitlines()
    sources, copies = zip(*(line.split("\t") for line in lines), strict=True)
    assert set(sources) == set(SENTENCES)
    assert len(set(copies) & set(SENTENCES)) >= 3  # the autoencoder has learned its four


@pytest.mark.parametrize(
    ("tokenizer", "words"),
    [
        ("bpe", ["▁The", "▁cook", "▁doesn", "'", "t", "▁like", "<unk>", "▁soup", "."]),
        ("moses", ["The", "cook", "doesn", "'t", "like", "<unk>", "soup", "."]),
        ("split", ["The", "cook", "doesn't", "like", "<unk>", "soup."]),
    ],
)
def test_words_and_pieces_as_they_are_on_request(base, tokenizer, words):
    options = ("generate", run_of(base, tokenizer), "--from", "posterior", "-n", 4)
    sources = [line.split("\t")[0] for line in invoke(*options, "--tokens").stdout.splitlines()]
    assert " ".join(words) in sources
    values = json.loads(invoke(*options, "--json").stdout)
    (mine,) = [item for item in values if item["source"] == words]
    assert mine["source_text"] == "The cook doesn't like <unk> soup."
    text = load_run(run_of(base, tokenizer)).corpus.vocabulary.tokenizer.text
    assert all(item["text"] == text(item["words"]) for item in values)


def test_ends_of_an_interpolation_are_text(base):
    options = ("generate", run_of(base, "bpe"), "--from", "interpolate", "-n", 2)
    ends = [line.split(": ", 1)[1] for line in invoke(*options).stderr.splitlines()]
    assert set(ends) <= set(SENTENCES)
    values = json.loads(invoke(*options, "--json").stdout)
    assert [values[0]["from_text"], values[0]["to_text"]] == ends


def test_tokens_and_json_are_not_asked_for_together(base):
    with pytest.raises(UsageError, match="keep one"):
        invoke("generate", run_of(base, "bpe"), "--tokens", "--json")


@pytest.fixture
def no_training(monkeypatch):
    """Nothing is cached, and SentencePiece can't be trained."""
    monkeypatch.setenv("VAE_CACHE", "off")
    monkeypatch.setattr(sentencepiece.SentencePieceTrainer, "train", None)


def test_a_run_is_read_with_the_pieces_that_its_folder_keeps(base, no_training):
    assert len(invoke("generate", run_of(base, "bpe"), "-n", 3).stdout.splitlines()) == 3
    evaluation = invoke("evaluate", run_of(base, "bpe"), "--bleu", "--json", "--split", "valid")
    assert json.loads(evaluation.stdout)["values"]["bleu"] > 50
    with pytest.raises(TypeError):
        train(base, "unigram")  # the check of the check


def test_a_run_that_is_resumed_goes_on_with_its_pieces(base, tmp_path, no_training):
    shutil.copytree(base / "text", tmp_path / "text")
    shutil.copytree(base / "bpe", tmp_path / "bpe")
    folder = RunFolder.open(run_of(tmp_path, "bpe"))
    config = folder.path / "config.toml"
    config.write_text(config.read_text().replace(str(base / "text"), str(tmp_path / "text")))
    before = json.loads((folder.path / "vocab.json").read_text())
    folder.update(status="interrupted")
    train(tmp_path, "bpe", "--epochs", 12, "--resume")
    assert folder.status == "done"
    assert json.loads((folder.path / "vocab.json").read_text()) == before


def test_a_run_of_a_tokenizer_that_is_gone_is_still_reported(base, tmp_path):
    shutil.copytree(base / "split", tmp_path / "split")
    config = run_of(tmp_path, "split") / "config.toml"
    config.write_text(config.read_text().replace('tokenizer = "split"', 'tokenizer = "revtok"'))
    assert "ae" in invoke("report", tmp_path / "split").stdout
    with pytest.raises(UsageError, match=r"'revtok' .* is no longer offered"):
        invoke("generate", run_of(tmp_path, "split"))
