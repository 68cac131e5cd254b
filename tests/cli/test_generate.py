"""`vae generate` on tiny runs of a folder of text."""

import json
from types import SimpleNamespace

import pytest
from support import tiny_split
from typer.testing import CliRunner

from vaecli.cli.app import app
from vaecli.config import build_config
from vaecli.core.errors import UsageError
from vaecli.runs.folder import RunFolder, run_path
from vaecli.runs.loaded_run import LoadedRun
from vaecli.runs.trial import run_trial

SENTENCES = [
    "the cat sat on the mat",
    "a dog ran",
    "[bold]the[/bold] dog sat \x1b[31m",
    "a cat ran on",
    "the mat ran",
    "a dog sat on a cat",
]


class Silent:
    def step(self, progress, terms):
        pass

    def evaluated(self, row):
        pass


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folders of a run of each method, by method."""
    base = tmp_path_factory.mktemp("generate")
    data = base / "toy"
    data.mkdir()
    for name in ("train", "valid", "test"):
        (data / f"{name}.txt").write_text("\n".join(SENTENCES * (40 if name == "train" else 1)) + "\n")
    sizes = {"embedding_size": 8, "encoder_size": 8, "decoder_size": 12, "latent_size": 2}
    folders = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAE_CACHE", str(base / "cache"))
        for method, epochs in (("ae", 10), ("lm", 1)):
            training = {"epochs": epochs, "batch_size": 8, "learning_rate": 0.02, "device": "cpu"}
            values = {"method": method, "corpus": {"data": str(data)}, "model": sizes, "training": training}
            folder = RunFolder(run_path(base, "toy", method, 0))
            folder.create(build_config({**values, "evaluation": {"iw_samples": 0}}), overwrite=False, command=[])
            with folder.lock():
                run_trial(folder, Silent())
            folders[method] = folder.path
    return folders


def generate(path, *words):
    result = CliRunner().invoke(app, ["generate", str(path), *map(str, words)])
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


KNOWN = {word for sentence in SENTENCES for word in sentence.split()}


@pytest.mark.parametrize("method", ["ae", "lm"])
def test_ten_sentences_from_the_prior_one_a_line(runs, method):
    text = generate(runs[method]).stdout
    lines = text.splitlines()
    assert len(lines) == 10
    assert {word for line in lines for word in line.split(" ") if word} <= {*KNOWN, "\\x1b[31m", "<unk>"} - {"\x1b[31m"}
    assert generate(runs[method]).stdout == text
    assert generate(runs[method], "--seed", 1).stdout != text
    assert generate(runs[method], "--count", 3).stdout.splitlines() == lines[:3]


def test_reconstructions_stand_behind_their_sources(runs):
    lines = generate(runs["ae"], "--from", "posterior", "--count", 6).stdout.splitlines()
    sources, copies = zip(*(line.split("\t") for line in lines), strict=True)
    assert sorted(sources) == sorted(s.replace("\x1b", "\\x1b") for s in SENTENCES)  # an escape is shown, not sent
    assert sum(s == c for s, c in zip(sources, copies, strict=True)) >= 3  # the autoencoder has learned its few


def test_markup_and_control_characters_are_printed_as_they_are_spelt(runs):
    result = generate(runs["ae"], "--from", "posterior", "--count", 6)
    assert "[bold]the[/bold] dog sat \\x1b[31m\t" in result.stdout
    assert "\x1b" not in result.stdout
    values = json.loads(generate(runs["ae"], "--from", "posterior", "--count", 6, "--json").stdout)
    assert ["[bold]the[/bold]", "dog", "sat", "\x1b[31m"] in [item["source"] for item in values]


def test_an_interpolation_leads_from_one_reconstruction_to_the_other(runs):
    options = ("--from", "interpolate", "--seed", 5)
    result = generate(runs["ae"], *options, "--count", 4)
    assert len(result.stdout.splitlines()) == 4
    values = json.loads(generate(runs["ae"], *options, "--count", 4, "--json").stdout)
    assert [item["weight"] for item in values] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    ends = json.loads(generate(runs["ae"], "--from", "posterior", "--seed", 5, "--count", 2, "--json").stdout)
    assert [values[0]["words"], values[-1]["words"]] == [item["words"] for item in ends]
    assert [values[0]["from"], values[0]["to"]] == [item["source"] for item in ends]
    words = [" ".join(item["source"]).replace("\x1b", "\\x1b") for item in ends]
    assert result.stderr.splitlines() == [f"from: {words[0]}", f"to: {words[1]}"]


def test_a_beam_finds_what_is_at_least_as_probable_as_greedy_words(runs):
    def log_probs(*options):
        text = generate(runs["ae"], "--from", "posterior", "--count", 6, "--json", *options).stdout
        return [item["log_prob"] for item in json.loads(text)]

    greedy, one, wide = log_probs(), log_probs("--beam", 1), log_probs("--beam", 30)
    assert greedy == one
    assert all(w >= g - 1e-6 for w, g in zip(wide, greedy, strict=True))
    cold, hot = log_probs("--temperature", 0.001), log_probs("--temperature", 5)
    assert cold == pytest.approx(greedy, rel=1e-5)  # scored in a batch of another size
    assert sum(hot) < sum(cold)


def test_the_split_is_the_one_asked_for(runs):
    assert len(generate(runs["ae"], "--from", "posterior", "--split", "train", "--count", 20).stdout.splitlines()) == 20


@pytest.mark.parametrize(
    ("method", "words", "said"),
    [
        ("ae", ["--from", "posteriors"], r"unknown source 'posteriors' \(--from\): did you mean 'posterior'\?"),
        ("ae", ["--from", "posterior", "--split", "tst"], r"unknown split 'tst' \(--split\): did you mean 'test'\?"),
        ("ae", ["--split", "test"], "goes with --from posterior or interpolate"),
        ("ae", ["--beam", "2", "--temperature", "1"], "keep one"),
        ("ae", ["--temperature", "0"], "above 0"),
        ("ae", ["--temperature", "nan"], "above 0"),
        ("ae", ["--temperature", "inf"], "finite"),
        ("ae", ["--from", "interpolate", "--count", "1"], "two ends"),
        ("ae", ["--from", "posterior", "--count", "7"], "7 sentences are asked for, but test has 6"),
        ("lm", ["--from", "posterior"], "'lm' has no latent variable; use --from prior"),
        ("lm", ["--from", "interpolate"], "'lm' has no latent variable; use --from prior"),
    ],
)
def test_what_a_user_can_get_wrong(runs, method, words, said):
    with pytest.raises(UsageError, match=said):
        generate(runs[method], *words)


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(UsageError, match=str(tmp_path)):
        generate(tmp_path)


def test_one_sentence_leads_to_no_other(runs, monkeypatch):
    monkeypatch.setattr(LoadedRun, "corpus", SimpleNamespace(split=lambda name: tiny_split(1)))
    told = "leads from one sentence to another, and valid has one; give two --text, or another --split"
    with pytest.raises(UsageError, match=told):
        generate(runs["ae"], "--from", "interpolate", "--split", "valid")


def test_typed_sentences_are_encoded(runs):
    asked = ["--text", "the dog sat", "--text", "a dog ran"]
    lines = generate(runs["ae"], *asked).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["the dog sat", "a dog ran"]
    ends = json.loads(generate(runs["ae"], *asked, "--json").stdout)
    way = json.loads(generate(runs["ae"], "--from", "interpolate", "--count", 3, *asked, "--json").stdout)
    assert [way[0]["words"], way[-1]["words"]] == [item["words"] for item in ends]
    piped = CliRunner().invoke(app, ["generate", str(runs["ae"]), "--text", "-"], input="the dog sat\na dog ran\n")
    assert piped.stdout.splitlines() == lines


def test_few_probable_words_are_greedy_ones(runs):
    greedy = generate(runs["ae"], "--from", "posterior", "--count", 6).stdout
    assert generate(runs["ae"], "--from", "posterior", "--count", 6, "--decoding", "greedy").stdout == greedy
    assert generate(runs["ae"], "--from", "posterior", "--count", 6, "--top-k", 1).stdout == greedy
    assert generate(runs["ae"], "--from", "posterior", "--count", 6, "--top-p", 1e-9).stdout == greedy
    beam = generate(runs["ae"], "--from", "posterior", "--count", 6, "--beam", 5).stdout
    assert generate(runs["ae"], "--from", "posterior", "--count", 6, "--decoding", "beam").stdout == beam
    drawn = generate(runs["ae"], "--from", "posterior", "--count", 6, "--decoding", "sample").stdout
    assert drawn == generate(runs["ae"], "--from", "posterior", "--count", 6, "--temperature", 1).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--decoding", "gredy"], r"unknown decoding 'gredy' \(--decoding\): did you mean 'greedy'\?"),
        (["--decoding", "greedy", "--top-k", "3"], "contradicts the other options, which ask for sample"),
        (["--decoding", "sample", "--beam", "3"], "contradicts the other options, which ask for beam"),
        (["--top-p", "0"], "--top-p 0.0: it has to be above 0, and 1 at most"),
        (["--top-p", "1.5"], "1 at most"),
        (["--top-k", "3", "--beam", "2"], "--top-k draws words and --beam searches"),
        (["--text", "a dog", "--from", "prior"], "the prior needs no sentence"),
        (["--text", "a dog", "--from", "interpolate"], "give two --text, not 1"),
        (["--text", "a dog", "--split", "test"], "--split chooses the sentences"),
        (["--text", "a dog", "--text", ""], r"sentence 2 of 2 \(''\) has no word"),
        (["--text", "a dog", "--count", "3"], "each --text gives one sentence"),
    ],
)
def test_options_of_words_and_sentences_that_do_not_go_together(runs, words, said):
    with pytest.raises(UsageError, match=said):
        generate(runs["ae"], *words)


@pytest.mark.parametrize(
    ("text", "said"), [("", "stdin: there is no sentence"), ("a dog\n\n", "stdin:2: a blank line")]
)
def test_stdin_without_sentences_draws_none_from_the_prior(runs, text, said):
    result = CliRunner().invoke(app, ["generate", str(runs["ae"]), "--text", "-"], input=text)
    assert said in str(result.exception)
    assert result.stdout == ""
