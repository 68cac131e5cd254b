"""Which commands a reproduction's table says that made its rows."""

import pytest

from vaecli.reproduction import made
from vaecli.reproduction.grids import Plan, load_plan
from vaecli.reproduction.made import made_lines, with_command


@pytest.fixture
def here(monkeypatch):
    """Sets the command that runs, and the version that it runs with."""

    def ran(command, version="1.0"):
        told = {"command": f"vae {command}", "versions": {"vaecli": version}, "cpu": "A CPU", "platform": "Linux"}
        monkeypatch.setattr(made, "describe_environment", lambda: {**told, "host": "mine"})

    return ran


def test_each_row_keeps_the_command_that_ran_it(here):
    here("reproduce x --rows a")
    first = with_command([], ["a"], ["a"])
    assert made_lines(first) == ["- command: `vae reproduce x --rows a`", "- vaecli 1.0", "- A CPU, Linux"]
    here("reproduce x --rows b")
    assert made_lines(with_command(first, ["b"], ["b"])) == [
        "- command: `vae reproduce x --rows a` (a)",
        "- command: `vae reproduce x --rows b` (b)",
        "- vaecli 1.0",
        "- A CPU, Linux",
    ]
    here("reproduce x --rows b", version="2.0")
    assert made_lines(with_command(first, ["b"], ["b"])) == [
        "- command: `vae reproduce x --rows a` (a)",
        "- vaecli 1.0",
        "- A CPU, Linux",
        "- command: `vae reproduce x --rows b` (b)",
        "- vaecli 2.0",
        "- A CPU, Linux",
    ]


def test_more_seeds_of_a_row_are_told_and_a_command_without_work_is_not(here):
    here("reproduce x --seeds 0")
    first = with_command([], ["a", "b"], ["a", "b"])
    assert with_command(first, ["a", "b"], []) == first
    assert with_command(first, ["a", "b"], ["b"]) == first, "the same command, which goes on"
    here("reproduce x --json")
    assert with_command(first, ["a", "b"], []) == first
    here("reproduce x --seeds 0-2")
    assert [one["rows"] for one in with_command(first, ["a", "b"], ["b"])] == [["a", "b"], ["b"]]


def test_rows_that_nobody_is_known_to_have_run_are_this_command_s(here):
    here("reproduce x")
    (one,) = with_command([], ["a", "b"], ["a"])
    assert (one["command"], one["rows"]) == ("vae reproduce x", ["a", "b"])


def test_a_folder_of_an_earlier_version_goes_on_with_its_first_command(here, tmp_path):
    here("reproduce x --rows a")
    old = {"command": "vae reproduce x --rows a", "versions": {"vaecli": "0.9"}, "cpu": "A CPU"}
    Plan("x", None, 1, {"a": 3}, {"a": 3}, made=old).save(tmp_path)
    plan = load_plan(tmp_path)
    assert made_lines(plan.made) == ["- command: `vae reproduce x --rows a`", "- vaecli 0.9", "- A CPU"]
    assert plan.run_by_this(["a"], []) == plan
    here("reproduce x --rows b")
    plan.run_by_this(["b"], ["b"]).save(tmp_path)
    again = load_plan(tmp_path)
    assert [(one["command"], one.get("rows")) for one in again.made] == [
        ("vae reproduce x --rows a", None),
        ("vae reproduce x --rows b", ["b"]),
    ]
