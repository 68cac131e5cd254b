"""What `make compat` plans, reads and writes; nothing is installed here."""

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import experiments.compat.__main__ as command
from experiments.compat import environment, plan, summary, table
from experiments.compat.environment import Counts, StepError

PROJECT = plan.read_pyproject()["project"]
OFFERED = ["2.2.0", "2.1.3", "2.1.0", "2.0.0", "2.3.0rc1", "1.26.4", "1.26.0", "1.25.0"]


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("numpy>=1.26", "1.26.0"),
        ("numpy>=1.26.1", "1.26.4"),
        ("numpy==2.0.0", "2.0.0"),
        ("numpy>2.0,<2.2", "2.1.0"),
        ("numpy>=2.3", None),
    ],
)
def test_the_lowest_version_is_of_the_bounds_and_of_what_there_are_wheels_of(requirement, version):
    assert plan.lowest(Requirement(requirement), OFFERED) == version


def test_versions_are_ordered_as_versions():
    assert plan.lowest(Requirement("x>=2"), ["10.0", "9.0", "2.10", "2.9"]) == "2.9"


def test_what_pip_index_prints():
    text = "numpy (2.4.6)\nAvailable versions: 2.4.6, 2.4.5, 1.26.0\n  INSTALLED: 2.4.6\n  LATEST:    2.4.6\n"
    assert plan.versions_offered(text) == ["2.4.6", "2.4.5", "1.26.0"]
    assert plan.versions_offered("") == []


def test_the_dependencies_are_those_of_the_project_on_that_python():
    extras = plan.tested_extras(PROJECT)
    assert "docs" not in extras
    assert {"parquet", "tune", "zst"} <= set(extras)
    old, new = ({r.name for r in plan.direct(PROJECT, extras, python)} for python in ("3.11", "3.14"))
    assert {"torch", "torchtext", "numpy", "optuna", "zstandard"} <= old
    assert old - new == {"zstandard"}, "by its marker"


def test_every_tested_dependency_has_a_lower_bound_and_a_locked_version():
    constraints = plan.CONSTRAINTS.read_text(encoding="utf-8")
    for requirement in plan.direct(PROJECT, plan.tested_extras(PROJECT), "3.11"):
        assert {clause.operator for clause in requirement.specifier} & {">=", "=="}, requirement
        assert requirement.specifier.contains(plan.locked(requirement.name, constraints).partition("==")[2])
    for tool in plan.TOOLS:
        assert plan.locked(tool, constraints).startswith(f"{tool}==")
    with pytest.raises(KeyError, match="no-such is not in the constraints"):
        plan.locked("no-such", constraints)


def program(path, prints):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{prints}\n")
    path.chmod(0o755)


def test_a_python_is_found_behind_a_shim_that_does_not_start(tmp_path, monkeypatch):
    program(tmp_path / "shims" / "python3.13", "exit 127")
    program(tmp_path / "versions" / "3.13.0" / "bin" / "python3.13", "echo 3.13.0")
    program(tmp_path / "shims" / "python3.14", "exit 127")
    program(tmp_path / "shims" / "python3.12", "echo 3.12.7")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    behind = tmp_path / "versions" / "3.13.0" / "bin" / "python3.13"
    assert plan.find_python("3.13") == plan.Interpreter("3.13", "3.13.0", behind)
    assert plan.find_python("3.12").version == "3.12.7"
    assert plan.find_python("3.14") is None
    assert plan.find_python("3.11") is None


def test_lists_of_names():
    assert plan.chosen("newest, locked", plan.SETS, "set") == ["locked", "newest"]
    with pytest.raises(ValueError, match="no such set: oldest; choose from locked, lowest, newest"):
        plan.chosen("oldest", plan.SETS, "set")


REPORT = """<testsuites><testsuite>
<testcase classname="tests.core.test_a" file="tests/core/test_a.py" name="test_one"/>
<testcase classname="tests.core.test_a" file="tests/core/test_a.py" name="test_two">
<skipped message="no spacy"/></testcase>
<testcase classname="tests.core.test_a" file="tests/core/test_a.py" name="test_three[x]">
<failure message="TypeError: two&#10;lines">trace</failure></testcase>
<testcase classname="" name="tests.cli.test_b"><error message="collection failure">
ImportError</error></testcase>
</testsuite></testsuites>"""


def test_a_report_of_pytest():
    failed = (("tests/core/test_a.py::test_three[x]", "TypeError: two"), ("::tests.cli.test_b", "collection failure"))
    assert environment.tests_of(REPORT) == Counts(1, 1, failed)


def test_a_plan_of_pip():
    packages = [{"name": "tomli_w", "version": "1.2.0"}, {"name": "Mako", "version": "1.4.3"}]
    report = json.dumps({"version": "1", "install": [{"metadata": package} for package in packages]})
    assert environment.versions_planned(report) == {"tomli-w": "1.2.0", "mako": "1.4.3"}


def test_what_an_environment_lacks():
    listed = json.dumps([{"name": "tomli_w", "version": "1.2.0"}, {"name": "vaecli", "version": "0.1"}])
    assert environment.lacking({"tomli-w": "1.2.0"}, listed) == []
    assert environment.lacking({"tomli-w": "1.1.0", "mako": "1"}, listed) == ["tomli-w", "mako"]
    assert environment.lacking({}, "[]") == ["vaecli"], "the checkout comes last"


def test_which_tests_pytest_is_told():
    assert environment.arguments_of("all") == []
    assert all((plan.ROOT / path).is_dir() for path in environment.arguments_of("fast"))
    assert environment.arguments_of("tests/model -k 'a or b'") == ["tests/model", "-k", "a or b"]


def test_a_reason_is_the_error_without_addresses_and_paths():
    output = f"Looking in https://host.example/simple\nERROR: no {plan.ROOT}/x at https://host.example/y\nbye\n"
    assert environment.reason(output) == "ERROR: no ./x at (address)"
    assert environment.reason("a\nTypeError: bad /usr/lib/python3/x.py\n") == "TypeError: bad x.py"
    assert environment.reason("") == "it said nothing"
    assert len(environment.one_line("x" * 999)) == 160


def row(kind, bn=3.0, **more):
    figures = {name: "1.000000" for name in table.NUMBERS} | {"bn_kl": f"{bn:.6f}"}
    same = {"date": "2026-11-29", "run": f"{kind}{more.get('torch', '')}", "python": "3.11.7", "set": kind}
    same["machine"] = "a processor, AVX2"
    counts = {"tests": "fast", "passed": "9", "failed": "0", "skipped": "1", "message": ""}
    return {**same, **counts, **figures, "torch": "2.13.0", "numpy": "2.4.6", **more}


def test_the_end_of_tests_names_the_signal_and_the_test():
    output = """collected 3 items

tests/atlas/test_work.py::test_pictures PASSED                           [ 33%]
tests/cli/test_report.py::test_words[a b] Fatal Python error: Segmentation fault

Current thread 0x1 (most recent call first):
  File "/x/tests/cli/test_report.py", line 3 in test_words
Extension modules: numpy._core, torch._C (total: 9)
"""
    said = environment.end_of_tests(output, -11)
    assert said == "Segmentation fault in tests/cli/test_report.py::test_words[a b]"
    cut = "tests/a.py::test_one PASSED [ 10%]\ntests/a.py::test_two "
    assert environment.end_of_tests(cut, -9) == "Killed in tests/a.py::test_two"
    assert environment.end_of_tests("", -9) == "Killed"
    assert (
        environment.end_of_tests("tests/a.py::test_one PASSED\nINTERNALERROR\nImportError: no b\n", 3)
        == "ImportError: no b"
    )


def test_a_run_is_named_by_what_was_run():
    first = table.identity("3.11.7", "lowest", "all", {"a": "1", "b": "2"})
    assert first == table.identity("3.11.7", "lowest", "all", {"b": "2", "a": "1"})
    others = [("3.12.1", "lowest", "all", {"a": "1", "b": "2"}), ("3.11.7", "lowest", "all", {"a": "1", "b": "3"})]
    assert first not in {table.identity(*other) for other in others}


def test_a_row_replaces_that_of_the_same_pair_with_its_failures(tmp_path):
    table.keep(tmp_path, row("newest", python="3.12.1"), [])
    table.keep(tmp_path, row("newest"), [])
    table.keep(tmp_path, row("lowest"), [("tests/a.py::b", "no"), ("tests/a.py::c", "no")])
    table.keep(tmp_path, row("lowest", torch="9", date="2026-12-01", passed="11"), [("tests/a.py::c", "still")])
    rows = table.read(tmp_path / table.ROWS)
    assert [(r["python"], r["set"], r["date"], r["passed"]) for r in rows] == [
        ("3.11.7", "lowest", "2026-12-01", "11"),
        ("3.11.7", "newest", "2026-11-29", "9"),
        ("3.12.1", "newest", "2026-11-29", "9"),
    ]
    assert [(f["test"], f["message"]) for f in table.read(tmp_path / table.FAILED)] == [("tests/a.py::c", "still")]
    asked = {"python": "3.11.7", "set": "newest", "tests": "fast"}
    assert table.is_done(rows, {**asked, "date": "2026-11-29"})
    assert not table.is_done(rows, {**asked, "date": "2026-11-30"})
    assert table.is_done(rows, {**asked, "run": "newest"})
    assert not table.is_done(rows, {**asked, "run": "newest", "tests": "all"})


def test_what_moved_is_each_figure_that_differs_and_from_which_release():
    reference, other = row("locked"), row("lowest", bn=2.5, torch="2.10.0", bn_mi="1.200000")
    assert summary.moved(other, reference, "bn") == "kl -0.500000, mi +0.200000"
    assert summary.moved(other, reference, "vanilla") == "none"
    assert summary.other_versions(other, reference) == "torch 2.13.0 to 2.10.0"
    assert summary.other_versions({**other, "torch": ""}, reference) == "torch 2.13.0 to none"


def test_the_page_names_what_failed_and_leaves_out_what_has_no_figures(tmp_path):
    bare = row("newest") | {name: "" for name in table.NUMBERS} | {"message": "no wheel of numpy>=3"}
    table.keep(tmp_path, row("locked"), [])
    table.keep(tmp_path, row("lowest", bn=2.5, torch="2.10.0"), [("tests/a.py::b", "a | b")])
    table.keep(tmp_path, bare, [])
    text = summary.page_lines(tmp_path)
    assert "no wheel of numpy>=3" in text
    assert "- `tests/a.py::b`: a \\| b" in text
    figures = text.split("### Figures")[1].split("###")[0]
    assert "2.5000" in figures
    assert "newest" not in figures
    moves = text.split("### What moved")[1].split("###")[0]
    assert "kl -0.500000" in moves
    assert "Without a row" not in moves


def test_figures_are_held_to_those_of_the_same_machine(tmp_path):
    """Late digits are the machine's: what another has is no move of a version."""
    table.keep(tmp_path, row("locked"), [])
    table.keep(tmp_path, row("newest", bn=2.5, python="3.12.1", machine="another, AVX512"), [])
    assert "Without a row of the locked versions on their machine: 3.12.1 newest." in summary.page_lines(tmp_path)
    table.keep(tmp_path, row("locked", bn=2.7, python="3.12.1", machine="another, AVX512"), [])
    moves = summary.page_lines(tmp_path).split("### What moved")[1]
    assert "kl -0.200000" in moves
    assert "-0.500000" not in moves


class Fake:
    """An environment that installs nothing."""

    trouble = ""
    version = "1.0"
    made = 0

    def __init__(self, interpreter, folder):
        type(self).made += 1

    def requirements(self, kind, dependencies):
        return [requirement.name for requirement in dependencies]

    def resolved(self, kind, requirements):
        return dict.fromkeys(map(plan.normal, requirements), self.version)

    def install(self, versions):
        assert set(versions.values()) == {self.version}
        if self.trouble == "install":
            raise StepError("ERROR: no disk")

    def help(self):
        if self.trouble == "help":
            raise StepError("TypeError: no metavar")

    def machine(self):
        return "a processor, AVX2"

    def compare(self):
        if self.trouble == "compare":
            raise StepError("TypeError: no")
        return dict.fromkeys(table.NUMBERS, "1.000000")

    def test(self, tests):
        if self.trouble == "stop":
            raise KeyboardInterrupt
        return Counts(3, 1, (("tests/a.py::b", "no"),) if self.trouble == "test" else ())


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(command, "Environment", Fake)
    monkeypatch.setattr(Fake, "trouble", "")
    monkeypatch.setattr(Fake, "version", "1.0")
    monkeypatch.setattr(Fake, "made", 0)
    here = plan.Interpreter("3.11", "3.11.7", Path("python3.11"))
    monkeypatch.setattr(command, "find_python", lambda minor: here if minor == "3.11" else None)
    return Fake


def test_a_row_that_is_done_is_not_made_again(tmp_path, fake, capsys, monkeypatch):
    arguments = ["--table", str(tmp_path), "--sets", "lowest", "--pythons", "3.11,3.14"]

    def says(*more):
        assert command.main([*arguments, *more]) == 0
        return capsys.readouterr().out

    assert "Python 3.14: none on this machine" in says()
    assert "made today" in says()
    assert fake.made == 1, "nothing is asked of the registry"
    assert "3 passed" in says("--again")
    assert "3 passed" in says("--tests", "fast"), "others were asked for"
    monkeypatch.setattr(command, "today", lambda: "2099-01-01")
    assert "made of the same versions" in says("--tests", "fast")
    monkeypatch.setattr(Fake, "version", "1.1")
    assert "3 passed" in says("--tests", "fast"), "a release came out"
    (kept,) = table.read(tmp_path / table.ROWS)
    assert (kept["date"], kept["tests"], kept["torch"]) == ("2099-01-01", "fast", "1.1")


@pytest.mark.parametrize("trouble", ["install", "compare"])
def test_a_row_without_figures_or_counts_is_made_again(tmp_path, fake, monkeypatch, trouble):
    arguments = ["--table", str(tmp_path), "--sets", "lowest,newest", "--pythons", "3.11"]
    monkeypatch.setattr(Fake, "trouble", trouble)
    assert command.main(arguments) == 1
    monkeypatch.setattr(Fake, "trouble", "")
    assert command.main(arguments) == 0
    assert fake.made == 4
    assert [(one["set"], one["passed"]) for one in table.read(tmp_path / table.ROWS)] == [
        ("lowest", "3"),
        ("newest", "3"),
    ]


def test_an_environment_of_a_run_that_was_broken_off_stays_until_its_row_is_made(tmp_path, fake, monkeypatch):
    arguments = ["--table", str(tmp_path), "--sets", "lowest", "--pythons", "3.11", "--work", str(tmp_path / "work")]
    folders = []

    def made(interpreter, folder):
        folders.append(folder)
        (folder / "venv").mkdir(exist_ok=len(folders) > 1)
        return Fake(interpreter, folder)

    monkeypatch.setattr(command, "Environment", made)
    monkeypatch.setattr(Fake, "trouble", "stop")
    with pytest.raises(KeyboardInterrupt):
        command.main(arguments)
    assert (tmp_path / "work" / "3.11.7-lowest" / "venv").is_dir()
    assert table.read(tmp_path / table.ROWS) == []
    monkeypatch.setattr(Fake, "trouble", "")
    assert command.main(arguments) == 0
    assert folders[0] == folders[1]
    assert not folders[0].exists()
    assert len(table.read(tmp_path / table.ROWS)) == 1


@pytest.mark.parametrize(
    ("trouble", "message", "passed", "figure"),
    [
        ("install", "ERROR: no disk", "", ""),
        ("compare", "vae compare: TypeError: no", "3", ""),
        ("help", "vae compare --help: TypeError: no metavar", "3", "1.000000"),
        ("test", "", "3", "1.000000"),
    ],
)
def test_what_fails_is_in_the_row(tmp_path, fake, monkeypatch, trouble, message, passed, figure):
    monkeypatch.setattr(Fake, "trouble", trouble)
    assert command.main(["--table", str(tmp_path), "--sets", "lowest", "--pythons", "3.11"]) == 1
    (record,) = table.read(tmp_path / table.ROWS)
    assert (record["message"], record["passed"], record["bn_kl"]) == (message, passed, figure)
    assert record["torch"] == "1.0"
    assert len(table.read(tmp_path / table.FAILED)) == (trouble == "test")
