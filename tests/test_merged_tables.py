"""Rows of a published table that were run apart, put together: experiments/papers/merge.py."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from experiments.papers.merge import main, merge, without_folders
from vaecli.core.errors import UsageError

ROOT = Path(__file__).parents[1]
WHOLE = ROOT / "experiments" / "papers" / "ptb-lstm"


def part(folder, chosen, command=None):
    """A copy of the committed table with the rows that ``chosen`` says; with another command where one is told."""
    shutil.copytree(WHOLE, folder)
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        head, *lines = list(csv.reader(file))
    with (folder / "results.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *(line for line in lines if chosen(line[0]))])
    plan = json.loads((folder / "reproduction.json").read_text(encoding="utf-8"))
    for key in ("epochs", "planned"):
        plan[key] = {name: epochs for name, epochs in plan[key].items() if chosen(name)}
    made = [{**one, "rows": [name for name in one["rows"] if chosen(name)]} for one in plan["made"]]
    plan["made"] = [{**one, "command": command or one["command"]} for one in made if one["rows"]]
    (folder / "reproduction.json").write_text(json.dumps(plan, indent=1), encoding="utf-8")
    return folder


def test_two_parts_of_a_table_are_the_table(tmp_path):
    last = json.loads((WHOLE / "reproduction.json").read_text(encoding="utf-8"))["made"][-1]  # where a merge puts it
    rest = part(tmp_path / "rest", lambda name: name not in last["rows"])
    command = last["command"].replace("--data DIR", "--data /a/b").replace("--jobs 1", "--jobs 1 --out='/my runs'")
    assert command.count("/") == 3
    own = part(tmp_path / "own", lambda name: name in last["rows"], command)
    assert merge(own, rest) == last["rows"]
    for name in ("results.csv", "summary.csv", "comparison.csv", "table.md"):
        assert (rest / name).read_text(encoding="utf-8") == (WHOLE / name).read_text(encoding="utf-8"), name
    plans = [json.loads((folder / "reproduction.json").read_text(encoding="utf-8")) for folder in (rest, WHOLE)]
    assert plans[0] == plans[1]


def test_a_row_that_was_run_again_takes_the_place_of_the_old_one(tmp_path):
    whole = part(tmp_path / "whole", lambda name: True)
    own = part(tmp_path / "own", lambda name: name == "lm")
    text = (own / "results.csv").read_text(encoding="utf-8")
    (own / "results.csv").write_text(text.replace("98.58364157373873", "-97.5"), encoding="utf-8")
    merge(own, whole)
    with (whole / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["experiment"]: row["ppl_iw"] for row in csv.DictReader(file)}
    assert rows["lm"] == "-97.5"  # a number stays one, which as text would be a formula
    assert len(rows) == 7
    assert rows["vae"] == "100.3478778127131"
    told = json.loads((whole / "reproduction.json").read_text(encoding="utf-8"))["made"]
    assert [one["rows"] for one in told if "lm" in one["rows"]] == [["lm"]]


def test_another_seed_stands_beside_the_first_and_so_does_its_command(tmp_path):
    whole = part(tmp_path / "whole", lambda name: True)
    own = part(tmp_path / "own", lambda name: name == "lm", "vae reproduce ptb-lstm --data DIR --seeds 1")
    text = (own / "results.csv").read_text(encoding="utf-8")
    (own / "results.csv").write_text(text.replace("lm,ptb,lm,0,", "lm,ptb,lm,1,"), encoding="utf-8")
    merge(own, whole)
    with (whole / "results.csv").open(encoding="utf-8", newline="") as file:
        assert [row["seed"] for row in csv.DictReader(file) if row["experiment"] == "lm"] == ["0", "1"]
    told = json.loads((whole / "reproduction.json").read_text(encoding="utf-8"))["made"]
    commands = [one["command"] for one in told if "lm" in one["rows"]]
    assert commands == [
        "vae reproduce ptb-lstm --data DIR --rows lm --jobs 2 --set training.threads=1",
        "vae reproduce ptb-lstm --data DIR --seeds 1",
    ]
    assert "seeds 0, 1" in (whole / "table.md").read_text(encoding="utf-8")


def test_a_table_that_is_not_there_is_begun(tmp_path):
    own = part(tmp_path / "own", lambda name: name in ("lm", "vae"))
    assert merge(own, tmp_path / "papers" / "ptb-lstm") == ["lm", "vae"]
    begun = tmp_path / "papers" / "ptb-lstm"
    texts = [(folder / "results.csv").read_text(encoding="utf-8") for folder in (begun, own)]
    assert texts[0] == texts[1]
    plans = [json.loads((folder / "reproduction.json").read_text(encoding="utf-8")) for folder in (begun, own)]
    assert plans[0] == plans[1]
    with (begun / "summary.csv").open(encoding="utf-8", newline="") as file:
        assert {row["experiment"] for row in csv.DictReader(file)} == {"lm", "vae"}
    with (begun / "comparison.csv").open(encoding="utf-8", newline="") as file:
        assert {row["row"] for row in csv.DictReader(file)} == {"lm", "VAE, linear annealing"}
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"empty: no reproduction\.json"):
        merge(own, tmp_path / "empty")


def test_other_epochs_and_rows_without_an_end_are_refused(tmp_path, capsys):
    whole = part(tmp_path / "whole", lambda name: True)
    own = part(tmp_path / "ptb-lstm", lambda name: name == "lm")
    plan = (own / "reproduction.json").read_text(encoding="utf-8")
    (own / "reproduction.json").write_text(plan.replace("100", "50"), encoding="utf-8")
    before = (whole / "results.csv").read_bytes()
    with pytest.raises(SystemExit, match="lm: 50 epochs, but 100 in the table"):
        main([str(own), "--into", str(whole)])
    (own / "reproduction.json").write_text(plan, encoding="utf-8")
    text = (own / "results.csv").read_text(encoding="utf-8")
    (own / "results.csv").write_text(text.replace(",done,", ",running,"), encoding="utf-8")
    with pytest.raises(SystemExit, match="no trial is done"):
        main([str(own), "--into", str(whole)])
    assert (whole / "results.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("vae reproduce x --data /here/x --rows a,b", "vae reproduce x --data DIR --rows a,b"),
        ("vae reproduce x --data=/here/x --out /o --set 'a.b=c d'", "vae reproduce x --data DIR --set 'a.b=c d'"),
        ("vae reproduce x --rows a", "vae reproduce x --rows a"),
    ],
)
def test_a_command_is_told_without_the_folders_of_its_machine(command, told):
    assert without_folders(command) == told
