"""Protocols side by side: rows, pairs, what is never averaged, and files of before."""

import json

import pandas as pd
import pytest
from reporting.frames import table, trial

from vaecli.core.errors import UsageError
from vaecli.reporting.by_protocol import protocol_views, protocols_in
from vaecli.reporting.notes import ReportContext
from vaecli.reporting.render import render
from vaecli.reporting.table import BEST
from vaecli.runs.groups import grouped

OWN = 'training.protocol="published"'


def both():
    """mim under two protocols, lagging with what its paper adds, vanilla under one."""
    own = {"training_protocol": "published", "variant": OWN}
    return table(
        trial("mim", 0, rec=24.0, kl=72.0, mi=0.0, training_protocol="shared"),
        trial("mim", 1, rec=24.2, kl=72.2, mi=0.0, training_protocol="shared"),
        trial("mim", 0, rec=9.0, kl=40.0, mi=5.5, **own),
        trial("mim", 1, rec=9.2, kl=41.0, mi=5.3, **own),
        trial("lagging", 0, rec=22.0, kl=1.0, mi=0.9, training_protocol="shared"),
        trial("lagging+linear_anneal", 0, rec=21.0, kl=2.0, mi=1.8, **own),
        trial("vanilla", 0, rec=24.0, kl=0.0, mi=0.0, training_protocol="shared"),
    )


def test_a_row_a_method_and_each_figure_under_each_protocol():
    (view,) = protocol_views(both(), "kl,mi,verdict")
    assert [head.name for head in view.heads] == [
        "method", "kl_shared", "kl_published", "mi_shared", "mi_published", "verdict_shared", "verdict_published",
    ]  # fmt: skip
    records = {record["method"]: record for record in view.records}
    assert list(records) == ["mim", "lagging", "vanilla"]
    assert records["mim"]["kl_shared"] == pytest.approx(72.1)
    assert records["mim"]["kl_published"] == pytest.approx(40.5), "two protocols are never averaged"
    assert records["mim"]["mi_published"] == pytest.approx(5.4)
    assert records["lagging"]["kl_published"] == 2.0
    assert records["vanilla"]["kl_published"] is None
    assert any("lagging is lagging+linear_anneal" in note for note in view.notes)
    assert [head.direction for head in view.heads][3:5] == ["higher", "higher"]


def test_the_best_is_that_of_all_protocols():
    (view,) = protocol_views(both(), "mi")
    cells = [(row[0].text, head.name, cell) for row in view.rows for head, cell in zip(view.heads, row, strict=True)]
    best = [(method, name) for method, name, cell in cells if cell.best]
    assert best == [("mim", "mi_published")]
    assert view.notes.count(BEST) == 1


def test_rows_are_in_the_order_of_their_first_protocol():
    def rows(sort):
        (view,) = protocol_views(frame, "kl", sort)
        return [row[0].text for row in view.rows]

    own = {"training_protocol": "published", "variant": OWN}
    frame = table(
        trial("a", rec=1.0, kl=5.0, training_protocol="shared"),
        trial("a", rec=1.0, kl=1.0, **own),
        trial("b", rec=1.0, kl=2.0, training_protocol="shared"),
        trial("b", rec=1.0, kl=9.0, **own),
        trial("c", rec=1.0, training_protocol="shared"),
        trial("c", rec=1.0, kl=3.0, **own),
        trial("d", rec=1.0, kl=4.0, **own),
    )
    assert rows("kl") == ["b", "d", "a", "c"]
    assert rows("kl:desc") == ["a", "d", "b", "c"]


def test_several_settings_under_one_protocol_have_rows_of_their_own():
    frame = table(
        trial("bn", rec=20.0, kl=3.0, training_protocol="shared", variant="bn.gamma=0.3"),
        trial("bn", rec=20.0, kl=4.0, training_protocol="shared", variant="bn.gamma=0.6"),
        trial("bn", rec=20.0, kl=5.0, training_protocol="published", variant=OWN),
    )
    (view,) = protocol_views(frame, "kl")
    assert [row[0].text for row in view.rows] == [group.label for group in grouped(frame)]
    assert [record["kl_published"] for record in view.records] == [None, None, 5.0]


def test_labels_of_rows_tell_protocols_and_not_whole_recipes():
    own = f"training.clip=0.25, training.learning_rate=0.001, {OWN}"
    frame = table(
        trial("mim", training_protocol="shared"),
        trial("mim", training_protocol="published", variant=own),
        trial("lagging+linear_anneal", training_protocol="published", variant=own),
    )
    labels = [group.label for group in grouped(frame)]
    assert labels == ["mim (shared)", "mim (published)", "lagging+linear_anneal (published)"]
    assert [group.label for group in grouped(frame.iloc[1:])] == ["mim", "lagging+linear_anneal"]


def test_a_file_of_before_is_of_the_shared_protocol():
    assert protocols_in(table(trial("bn", rec=1.0, kl=1.0))) == ["shared"]
    mixed = table(trial("bn", 0, kl=1.0, rec=1.0), trial("bn", 1, kl=3.0, rec=1.0, training_protocol="shared"))
    (group,) = grouped(mixed)
    assert group.summary("kl").mean == 2.0


def test_methods_without_recipe_are_named_below_the_table():
    frame = table(
        trial("cnn", rec=1.0, kl=1.0, training_protocol="shared"),
        trial("cnn", rec=1.0, kl=1.0, training_protocol="published", variant=OWN),
    )
    contexts = {"quick": ReportContext(recipes={"cnn": "no recipe: cnn: not obtained"})}
    for text in (render(frame, contexts=contexts), render(frame, by="protocol", contexts=contexts)):
        assert "no recipe, trained as under the shared protocol: cnn" in text
        assert "published: each method is trained as its paper has it" in text


def test_every_format_has_it():
    assert json.loads(render(both(), "json", by="protocol"))[0]["mi_published"] == pytest.approx(5.4)
    assert render(both(), "csv", by="protocol").startswith("method,kl_shared,kl_shared_sd,")
    assert "mi_published" in render(both(), "markdown", by="protocol")
    assert "published" in render(both(), "latex", by="protocol")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"by": "protocl"}, "did you mean 'protocol'"),
        ({"by": "protocol", "baseline": "vanilla"}, "a table of its own"),
        ({"by": "protocol", "format": "html"}, "of itself"),
    ],
)
def test_what_does_not_go_together_is_refused(how, told):
    with pytest.raises(UsageError, match=told):
        render(both(), **how)


def test_one_protocol_has_nothing_beside_it():
    with pytest.raises(UsageError, match="--protocol shared,published"):
        render(table(trial("bn", rec=1.0, kl=1.0)), by="protocol")


def test_a_page_has_both_of_itself():
    pytest.importorskip("jinja2")
    pytest.importorskip("vl_convert")
    from vaecli.reporting.page.write_page import PageOptions

    text = render(both(), "html", page=PageOptions(models=False))
    assert '<h3 id="s1-protocols">Protocols side by side</h3>' in text
    alone = render(both().query("training_protocol == 'shared'"), "html", page=PageOptions(models=False))
    assert "Protocols side by side" not in alone


def test_a_file_of_two_experiments_says_whose_each_row_is():
    second = both().assign(experiment="second")
    frame = pd.concat([both(), second], ignore_index=True)
    rows = json.loads(render(frame, "json", by="protocol"))
    assert [row["experiment"] for row in rows] == [both()["experiment"].iloc[0]] * 3 + ["second"] * 3
    assert "experiment" not in json.loads(render(both(), "json", by="protocol"))[0]
