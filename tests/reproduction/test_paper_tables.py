"""Published tables: every file reads, every row can be run, every figure is the one that the sources print."""

import pytest

from vaecli.config import GROUPS
from vaecli.core.errors import UsageError
from vaecli.remedies import REMEDIES, make_method
from vaecli.reproduction.comparison import DERIVED, tolerance
from vaecli.reproduction.grids import Request
from vaecli.reproduction.paper_tables import load_table, printed_figures, published_rows, read_table, table_names
from vaecli.settings.protocols import leading

TABLES = ("bosc2020", "bosc2020-quick", "kim2018", "ptb-lstm", "snli", "yahoo", "yelp", "yelp-short")
PTB = {"paper": "Li C. et al. 2020 (Optimus)", "table": "Table 8", "dataset": "PTB"}


def table_of(*rows, **values):
    return read_table("t", {"title": "T", "about": "A", "source": PTB, "rows": list(rows), **values})


def figures(row):
    return {figure.column: figure.value for figure in row.printed}


def test_the_tables():
    assert set(TABLES) <= set(table_names())


def test_a_picture_s_rows_are_its_methods_and_its_settings_go_with_their_remedies():
    table = load_table("he2019-toy")
    assert [row.method for row in table.rows] == list(table.values["methods"])
    assert not any(row.printed for row in table.rows)
    assert table.settings_for(["bn+lagging"])["lagging.inner_updates"] == 15
    assert {key.partition(".")[0] for key in table.settings_for(["bn"])} <= set(GROUPS)
    with pytest.raises(UsageError, match="no key 'rows'; a table of posteriors has"):
        read_table("t", {"kind": "posteriors", "title": "T", "about": "A", "methods": [], "rows": []})


@pytest.mark.parametrize("name", TABLES)
def test_every_row_of_every_table_can_be_run(name):
    table = load_table(name)
    names = [row.name for row in table.rows]
    assert len(set(names)) == len(names) > 0
    request = Request(table)
    for row in table.rows:
        settings = request.settings(row)
        config = settings.config(row.method, settings.seeds[0])
        assert make_method(row.method, config.hyper).name == row.method
        assert all(tolerance(figure.column, figure.value, 20.0) > 0 for figure in row.printed)
        for key, value in {**table.shared_settings(row), **row.settings}.items():
            group, _, field = key.partition(".")
            setting = getattr(getattr(config, group), field) if group in GROUPS else config.hyper[group][field]
            if key == "training.protocol":
                assert setting == value[0] == "shared"
                continue
            assert setting == (tuple(value) if isinstance(value, list) else value), key


def test_the_anchor_rows_on_penn_treebank():
    table = load_table("ptb-lstm")
    own, *rest = table.rows
    assert (own.method, figures(own)["ppl_iw"], own.settings["training.patience"]) == ("lm", 100.47, 2)
    rows = {row.method: figures(row) for row in rest}
    assert rows["lm"] == {}, "in print no language model is trained as the VAEs are"
    assert rows["linear_anneal"] == {"neg_elbo": 101.28, "ppl_iw": 101.40, "rec": 101.28, "kl": 0, "mi": 0, "au": 0}
    assert rows["lagging+linear_anneal"]["ppl_iw"] == 99.83
    best = rows["ae_pretrain+free_bits+linear_anneal"]
    assert (best["ppl_iw"], best["neg_elbo"], best["kl"], best["mi"], best["au"]) == (96.86, 102.41, 6.54, 5.31, 32)
    assert rows["sigmoid_anneal+word_dropout"] == {"neg_elbo": 101, "ppl_elbo": 119, "rec": 99, "kl": 2}
    assert rows["bn+linear_anneal"] == {}


def test_figures_from_memory_are_unconfirmed_and_no_others():
    doubts = {(table, figure.confirmed) for table in TABLES for row in load_table(table).rows for figure in row.printed}
    assert doubts == {("kim2018", False), ("ptb-lstm", True), ("snli", True), ("yahoo", True), ("yelp", True)}


def test_kim_et_al_print_gaps_over_their_true_likelihood():
    printed = {row.name: figures(row)["bound_gap"] for row in load_table("kim2018").rows}
    bounds = {"vae": (21.77, 27.06), "svi": (22.33, 25.00), "sa": (20.13, 25.21)}
    for name, (oracle, learned) in bounds.items():
        assert printed[f"{name}-oracle"] == pytest.approx(oracle - 19.63)
        assert printed[f"{name}-learned"] == pytest.approx(learned - 19.63)


def test_short_yelp_has_every_method():
    assert [row.method for row in load_table("yelp-short").rows] == list(REMEDIES)


def test_bosc_and_vincent_cross_sizes_free_bits_and_encoders():
    table = load_table("bosc2020")
    grid = {(row.settings.get("model.latent_size"), row.settings.get("free_bits.target")) for row in table.rows}
    assert grid == {(4, 2.0), (4, 8.0), (16, 2.0), (16, 8.0), (None, None)}  # the last is the language model
    assert len(table.rows) == 29
    kinds = {(row.method, row.settings.get("pooling.kind")) for row in table.rows}
    assert {("free_bits", None), ("free_bits+pooling", "max"), ("free_bits+pooling", "mean")} < kinds
    assert {("free_bits+lm_pretrain", None), ("free_bits+uni_pretrain", None)} < kinds
    assert {"probe_5_each", "probe_5000_each", "probe_sampled"} < set(table.shown)
    assert table.settings["evaluation.probe_labels"] == [5, 50, 500, 5000]


def test_rows_of_another_table_are_named_and_not_copied():
    quick, whole = load_table("bosc2020-quick"), load_table("bosc2020")
    assert [(row.name, row.method, row.settings) for row in quick.rows] == [
        (row.name, row.method, row.settings) for row in whole.rows
    ]
    assert (quick.preset, quick.settings["training.epochs"]) == ("quick", 8)
    kim = read_table("t", {"title": "t", "about": "t", "rows": "kim2018"})
    assert [row.printed for row in kim.rows] == [()] * 6, "print is of other settings"
    with pytest.raises(UsageError, match="kim2019"):
        read_table("t", {"title": "t", "about": "t", "rows": "kim2019"})


def test_the_columns_of_rows_without_print_are_those_of_the_table():
    assert table_of({"method": "bn"}).shown == ("ppl_iw", "kl", "mi")
    assert table_of({"method": "bn"}, shown=["probe_sampled"]).shown == ("probe_sampled",)
    with pytest.raises(UsageError, match=r"unknown column 'probe_samples' \(t\.toml, shown\)"):
        table_of({"method": "bn"}, shown=["probe_samples"])


def test_settings_of_other_methods_are_left_out():
    table = table_of(
        {"method": "bn"}, {"method": "vanilla"}, settings={"bn": {"gamma": 0.6}, "training": {"epochs": 2}}
    )
    assert table.shared_settings(table.rows[0]) == {"bn.gamma": 0.6, "training.epochs": 2}
    assert table.shared_settings(table.rows[1]) == {"training.epochs": 2}


def test_a_table_under_two_protocols_gives_a_paper_s_training_to_the_methods_that_have_one():
    """mim's paper trains it by Adam 1e-3 in batches of 20 (Livne et al. 2020); bow has no recipe."""
    table = load_table("yelp-short")
    rows = {row.method: row for row in table.rows}
    request = Request(table, seeds="0")
    mim, lagging, bow = (request.settings(rows[name]) for name in ("mim", "lagging", "bow"))
    shared, published = (mim.config("mim", 0, variant=variant) for variant in mim.variants("mim"))
    assert (shared.training.protocol, published.training.protocol) == ("shared", "published")
    assert (published.training.learning_rate, published.training.batch_size) == (1e-3, 20)
    assert published.training.epochs == shared.training.epochs == table.settings["training.epochs"]
    assert shared.training.batch_size != 20
    assert [lagging.config("lagging", 0, variant=v).method for v in lagging.variants("lagging")] == [
        "lagging",
        "lagging+linear_anneal",
    ]
    assert lagging.config("lagging", 0, variant=lagging.variants("lagging")[1]).training.optimizer == "sgd"
    assert leading("bow")[0] is None
    assert bow.variants("bow") == [{}]
    assert bow.config("bow", 0).training.protocol == "shared"


def test_what_a_row_says_goes_before_its_paper_s_protocol_and_what_the_table_says_does_not():
    table = table_of(
        {"method": "mim", "settings": {"training": {"batch_size": 7}}},
        preset="quick",
        settings={"training": {"protocol": "published", "learning_rate": 0.5}},
    )
    training = Request(table).settings(table.rows[0]).config("mim", 0).training
    assert (training.batch_size, training.learning_rate) == (7, 1e-3)


def test_estimators_decide_which_of_our_columns_a_figure_is():
    rows = published_rows()
    columns = {}
    for row in rows:
        key = (row["paper"], row["nll_kind"], row["method"] == "lm")
        columns.setdefault(key, set()).update(figure.column for figure in printed_figures(row))
    assert "mi_batch" in columns["He et al. 2019", "iw", False]
    assert "mi" in columns["Zhu et al. 2020", "iw", False]
    assert "neg_elbo" not in columns["Zhu et al. 2020", "iw", False]
    assert columns["Livne et al. 2020 (sentenceMIM)", "aggregate", False] == set()  # no estimator of ours compares
    assert "rec" not in columns["Ghose & Poupart 2023 (CEAE)", "bound", False]
    assert set().union(*columns.values()) <= {
        "iw_nll",
        "neg_elbo",
        "ppl_iw",
        "ppl_elbo",
        "rec",
        "kl",
        "mi",
        "mi_batch",
        "au",
    }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"method": "bn", "settting": "x"}, "a row has no key 'settting'"),
        ({"method": "bn", "setting": "gamma=9"}, "published.toml has 0 rows"),
        ({"method": "lm", "from": {"table": "Table 9"}}, "published.toml has 0 rows"),
    ],
)
def test_a_row_that_means_nothing_is_told(row, message):
    with pytest.raises(UsageError, match=message):
        table_of(row)


def test_another_kind_has_keys_of_its_own():
    table = read_table("picture", {"kind": "picture", "title": "T", "about": "A", "grid": [1, 2]})
    assert (table.kind, table.rows, table.values["grid"]) == ("picture", (), [1, 2])
    with pytest.raises(UsageError, match="no key 'grid'"):
        table_of(grid=[1])


def test_the_nearest_table_is_named():
    with pytest.raises(UsageError, match="did you mean 'kim2018'"):
        load_table("kim2019")


def test_every_derived_figure_is_of_columns_that_there_are():
    from vaecli.metrics.schema import COLUMNS

    assert {column for parts, _ in DERIVED.values() for column in parts} <= set(COLUMNS)


@pytest.mark.parametrize("name", TABLES)
def test_no_two_rows_of_a_table_have_one_label(name):
    labels = [row.label for row in load_table(name).rows]
    assert len(set(labels)) == len(labels)


def test_rows_of_one_method_are_called_by_their_names_and_others_by_their_method():
    two = [{"method": "beta", "name": f"beta-{n}", "settings": {"beta": {"beta": n}}} for n in (0.2, 0.4)]
    table = table_of(*two, {"method": "bn", "name": "own"})
    assert [row.label for row in table.rows] == ["beta-0.2", "beta-0.4", "bn"]
