"""Rows of two builds: the other is checked out whole, does the same work, and is asked for."""

import pytest

from experiments.benchmarks.__main__ import selected
from experiments.benchmarks.rows_revision import ROOT, SAME, check_equal_trials, checked_out, run_build
from experiments.benchmarks.subjects import UnequalWorkError

in_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the sources are not a git repository")


@in_git
def test_a_revision_is_a_build_of_its_own(tmp_path):
    build = checked_out("HEAD", tmp_path)
    assert build.parent == tmp_path
    assert (build / "vaecli" / "__main__.py").is_file()
    assert run_build(build, "--version") > 0
    (build / "vaecli" / "__init__.py").write_text('__version__ = "not ours"\n')
    with pytest.raises(RuntimeError, match="code 2"):
        run_build(build, "--nothing")
    assert checked_out("HEAD", tmp_path) == build, "it is there already"


@in_git
def test_a_revision_that_is_none(tmp_path):
    with pytest.raises(ValueError, match="--against nothing: git knows no such revision"):
        checked_out("nothing", tmp_path)


def test_unequal_work_is_not_compared():
    row = dict.fromkeys(SAME, "1")
    check_equal_trials([[row | {"seconds": "3"}], [row | {"seconds": "5"}]])
    with pytest.raises(UnequalWorkError, match="same work"):
        check_equal_trials([[row], [row | {"steps": "2"}]])
    with pytest.raises(UnequalWorkError):
        check_equal_trials([[row], [row, row]])


def test_rows_of_two_builds_are_for_against():
    names = [name for entry in selected([], full=True, against="HEAD") for name in entry.names]
    assert "revision-trial" in names
    assert all(name.startswith("revision") for name in names)
    assert not any(name.startswith("revision") for entry in selected([], full=True) for name in entry.names)
    with pytest.raises(ValueError, match="name the other with --against REV"):
        selected(["revision-trial"], full=False)
    with pytest.raises(ValueError, match="leave --against out"):
        selected(["train-ptb"], full=False, against="HEAD")
