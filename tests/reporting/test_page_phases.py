"""Phase diagrams of the page: where marks lie, which methods have a panel, and that texts are escaped."""

import pandas as pd
import pytest
from reporting.frames import table, trial

from vaecli.reporting.page.page_phases import HEIGHT, LEAST, MARGIN, MARKS, WIDTH, phase_panels
from vaecli.reporting.render import render

RATES = [1e-3, 2e-3, 4e-3, 8e-3, 0.1, 0.2]


def designed(count=6, method="bn", word="informative"):
    rows = [
        {"learning_rate": rate, "optimizer": "sgd" if rate > 0.05 else "adam", "knob": "gamma", "knob_value": f"0.{n}"}
        | {"knob_level": n, "method": method, "verdict": word}
        for n, rate in enumerate(RATES[:count])
    ]
    return pd.DataFrame(rows)


def test_marks_lie_by_rate_and_knob():
    """1e-3 of Adam is a hundredth of 0.1 of SGD, so both lie at the left end; 8e-3 at the right one."""
    (panel,) = phase_panels(designed())
    assert (panel.method, panel.knob) == ("bn", "gamma 0.0 to 0.5")
    assert [mark.x for mark in panel.marks] == pytest.approx(
        [MARGIN + part * (WIDTH - 2 * MARGIN) / 3 for part in (0, 1, 2, 3, 0, 1)]
    )
    assert (panel.marks[0].y, panel.marks[5].y) == (HEIGHT - MARGIN, MARGIN)
    assert panel.marks[4].told == "bn: informative; sgd 0.1, gamma 0.4"
    assert (panel.marks[0].shape, panel.marks[0].colour) == MARKS["informative"]


def test_few_trials_and_other_tables_have_no_panel():
    assert phase_panels(designed(LEAST - 1)) == []
    assert phase_panels(designed(word="-").assign(kl=None)) == []
    assert phase_panels(designed().drop(columns="optimizer")) == []
    both = pd.concat(
        [designed(), designed(method="vanilla", word="collapsed").assign(knob="", knob_level=float("nan"))]
    )
    assert [(p.method, p.knob) for p in phase_panels(both)] == [("bn", "gamma 0.0 to 0.5"), ("vanilla", "")]


def test_the_page_has_them_escaped(monkeypatch):
    pytest.importorskip("jinja2")
    pytest.importorskip("vl_convert")
    monkeypatch.setattr("vaecli.reporting.page.write_page.chart_library", lambda: "/* the library */")
    rows = [trial("bn", seed) for seed in range(len(RATES))]
    frame = table(*rows).assign(
        learning_rate=RATES, optimizer="adam", knob="<b>", knob_value="1", knob_level=0.0, verdict="informative"
    )
    page = render(frame, "html")
    assert '<h2 id="phases">Phase diagrams</h2>' in page
    assert "bn: informative; adam 0.001, &lt;b&gt; 1" in page
    assert 'id="phases"' not in render(table(*rows), "html")
