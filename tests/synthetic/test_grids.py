"""The grids of the embedded corpora: which trials, in which order, and a table that grows."""

from collections import Counter
from itertools import islice, product

import pytest

from experiments.synthetic import __main__ as command
from experiments.synthetic import design, table, work
from vaecli.core.errors import DataError
from vaecli.remedies import REMEDIES
from vaecli.settings.protocols import published

AXES = ((0, 1, 2), (16, 64, 128), (2, 8, 32))


def test_cells_are_all_27_and_each_three_in_a_row_differ_in_the_decoder_alone():
    cells = design.cells(*AXES)
    assert set(cells) == set(product(*AXES))
    for start in range(0, 27, 3):
        assert [len(set(values)) for values in zip(*cells[start : start + 3], strict=True)] == [1, 3, 1]
    for start in range(0, 27, 9):
        assert [len(set(values)) for values in zip(*cells[start : start + 9], strict=True)] == [3, 3, 3]
    with pytest.raises(ValueError, match="three corpora"):
        design.cells("ab", *AXES[1:])


@pytest.fixture(scope="module")
def first_seed():
    """All trials of seed 0."""
    count = sum(len(design.protocols(name)) for names in ([design.BASELINE], *design.methods()) for name in names)
    return list(islice(design.trials(), 27 * count))


def test_the_first_seed_has_each_method_in_each_cell_under_each_of_its_protocols(first_seed):
    assert {trial.seed for trial in first_seed} == {0}
    assert len({trial.key for trial in first_seed}) == len(first_seed)
    by_method = Counter(trial.method for trial in first_seed)
    assert set(by_method) == set(REMEDIES)
    for name, count in by_method.items():
        assert count == 27 * (2 if published(name, 1).is_known else 1)


def test_each_beginning_is_balanced(first_seed):
    """After any number of cheap trials no method is two rounds ahead of another, nor an axis far from its thirds."""
    begin = 27 * len(design.protocols(design.BASELINE))
    assert {trial.method for trial in first_seed[:begin]} == {design.BASELINE}, "prices are over vanilla in a cell"
    cheap = [trial for trial in first_seed if trial.method in design.methods()[0]]
    assert first_seed[begin : begin + len(cheap)] == cheap, "the dear ones come last"
    one_round = sum(len(design.protocols(name)) for name in design.methods()[0])
    for end in (one_round, 2 * one_round, 3 * one_round + 17):
        shared = [trial for trial in cheap[:end] if trial.protocol == "shared"]
        rounds = Counter(trial.method for trial in shared)
        assert max(rounds.values()) - min(rounds.values()) <= 1
        for axis in range(3):
            counts = Counter(trial.cell[axis] for trial in shared)
            assert max(counts.values()) - min(counts.values()) <= 0.1 * len(shared)
    three = [trial for trial in cheap[: 3 * one_round] if trial.protocol == "shared" and trial.method == "bn"]
    assert [len({trial.cell[axis] for trial in three}) for axis in range(3)] == [1, 3, 1], "what a decoder does"


def test_a_trial_is_a_run_of_its_grid():
    trial = design.Trial("lagging", ("oracle", 64, 8), "published", 3)
    config = trial.config()
    assert (config.method, config.corpus.data, config.training.seed) == ("lagging+linear_anneal", "oracle", 3)
    assert (config.model.decoder_size, config.model.latent_size, config.training.optimizer) == (64, 8, "sgd")
    assert config.hyper["lagging"]["joint_clip"] is True, "the paper's own, where the grid's is cheaper"
    shared = design.Trial("lagging", ("oracle", 64, 8), "shared", 3).config()
    assert (shared.method, shared.hyper["lagging"]["joint_clip"]) == ("lagging", False)
    least = config.corpus.train_size // max(256, config.training.batch_size) * config.training.epochs
    assert least >= 100, "even batches of 256 leave the first hundred updates"


def fake(trial):
    early = dict.fromkeys(table.COLUMNS[-9:-1], 0.5)
    return trial.row() | {"trained": trial.method, "status": "done", "verdict": "informative", "kl": 1.0} | early


def test_growing_goes_on_where_it_was(tmp_path, monkeypatch):
    path = tmp_path / "trials.csv"
    monkeypatch.setattr(work, "run", fake)
    order = list(islice(design.trials(), 5))
    table.GROWING.append(path, fake(order[1]))
    with path.open("a") as file:
        file.write("vanilla,oracle,64")  # a line that a crash has torn
    done = []

    def few(row):
        done.append(row)
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.grow(path, 1e9, 1, few)
    assert list(table.read_lines(path)) == [order[n].key for n in (1, 0, 2, 3)]
    frame = table.read_table(path)
    assert list(frame["method"]) == [order[n].method for n in (1, 0, 2, 3)]
    assert set(frame["kl"]) == {1.0}


def test_a_table_of_other_columns_is_refused(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text("method,seed\nbn,0\n")
    with pytest.raises(DataError, match="other columns"):
        table.read_lines(path)
    assert command.main(["--budget", "soon", "--table", str(tmp_path / "none.csv")]) == 2
