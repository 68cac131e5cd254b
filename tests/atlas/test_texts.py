"""Slices of real text: which lines, which corpora, and what is said where there is none."""

import pytest

from experiments.atlas import __main__ as command
from experiments.atlas import design, table, texts, work
from vaecli.core.errors import DataError, DivergedError, UsageError


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder of corpora that holds short Yelp alone, 60 labelled lines and a blank one a split; slices are small."""
    monkeypatch.setattr(texts, "SENTENCES", 40)
    monkeypatch.setattr(texts, "HELD_OUT", 9)
    folder = tmp_path / "corpora" / "yelp_short"
    folder.mkdir(parents=True)
    for part in texts.SPLITS:
        lines = [f"{n % 2}\tthe {part} word{n} is good .\n" for n in range(60)]
        (folder / f"{part}.txt").write_text("\n".join(["", *lines]).replace("\n\n", "\n"))
    return tmp_path / "corpora"


def test_a_slice_is_a_draw_without_replacement_in_the_order_of_the_file(root, tmp_path):
    texts.write_slices(root, ("synthetic", "yelp_short"), tmp_path)
    assert not (tmp_path / "synthetic").exists()
    for part, size in (("train", 40), ("valid", 9), ("test", 9)):
        kept = (tmp_path / "yelp_short" / f"{part}.txt").read_text().splitlines()
        numbers = [int(line.split()[3].removeprefix("word")) for line in kept]
        assert len(kept) == size
        assert numbers == sorted(set(numbers))
        assert numbers != list(range(size))
        assert kept == texts.draw_lines(root / "yelp_short" / f"{part}.txt", size)


def test_too_small_a_corpus_is_refused(root):
    with pytest.raises(DataError, match=r"train\.txt: 60 sentences, and the design takes 61"):
        texts.draw_lines(root / "yelp_short" / "train.txt", 61)


def test_corpora_are_those_whose_text_is_there(root):
    assert texts.absent(None) == ("yelp_short", "ptb")
    assert texts.absent(root) == ("ptb",)
    assert texts.chosen("", None) == ("synthetic", "mixture")
    assert texts.chosen("", root) == ("synthetic", "mixture", "yelp_short")
    assert texts.chosen("yelp_short, mixture", root) == ("yelp_short", "mixture")
    with pytest.raises(UsageError, match="no corpus 'yelp' in the design; it has synthetic, mixture, yelp_short, ptb"):
        texts.chosen("yelp", root)
    with pytest.raises(DataError, match=r"holds no ptb, as ptb/train\.txt"):
        texts.chosen("ptb", root)
    with pytest.raises(DataError, match="no --data-root names"):
        texts.chosen("ptb", None)


def test_a_trial_on_real_text_reads_its_slice_and_its_row_names_the_corpus_alone(root, tmp_path, monkeypatch):
    """What stands in a row of a run that was done is the same for all corpora."""
    texts.write_slices(root, ("yelp_short",), tmp_path)
    trial = next(design.trials(corpora=("yelp_short",)))
    read = []

    def diverge(folder, watcher, corpus):
        read.append(corpus)
        raise DivergedError("step 3: the training loss is inf")

    monkeypatch.setattr(work, "run_trial", diverge)
    monkeypatch.setattr(work, "build_problem", lambda config, corpus: "")
    row = work.run(trial.number, tmp_path)
    assert (row["corpus"], row["status"]) == ("yelp_short", "diverged")
    assert str(tmp_path) not in table.GROWING.line(row)
    assert (read[0].name, len(read[0].train), len(read[0].test)) == ("yelp_short", 40, 9)


def test_what_is_skipped_is_said(root, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("VAE_TEST_DATA", raising=False)
    monkeypatch.setattr(table, "write_parquet", lambda path: path)
    asked = []
    monkeypatch.setattr(work, "grow", lambda path, budget, jobs, told, *rest: asked.append(rest) or 0)
    options = ["--table", str(tmp_path / "atlas.csv")]
    assert command.main(options) == 0
    assert "trials on yelp_short and ptb are skipped" in capsys.readouterr().err
    assert command.main([*options, "--data-root", str(root)]) == 0
    assert "trials on ptb are skipped" in capsys.readouterr().err
    assert command.main([*options, "--corpus", "synthetic"]) == 0
    assert "skipped" not in capsys.readouterr().err
    assert command.main([*options, "--corpus", "ptb"]) == 2
    assert asked == [
        (("synthetic", "mixture"), None),
        (("synthetic", "mixture", "yelp_short"), root),
        (("synthetic",), None),
    ]
