"""A virtual environment that is thrown away: what is installed in it, and what the program does there."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from experiments.compat.plan import (
    CONSTRAINTS,
    ROOT,
    TOOLS,
    Interpreter,
    locked,
    lowest,
    normal,
    plain,
    versions_offered,
)
from vaecli.runs.environment import processor

METHODS = ("vanilla", "bn")
FIGURES = ("kl", "mi", "neg_elbo", "iw_nll")
FAST = ("model", "kernels", "metrics", "corpus", "settings", "cli")
"""Rooms of tests that a version is most likely to break."""
PROJECT = "vaecli"
PIP = "pip>=26"
"""Those before list versions without a wheel too: findings/pip_index_ignores_only_binary.sh."""

WHEELS = ("--only-binary", ":all:")
"""Nothing is compiled: a version that has no wheel for a Python is none that a user would get there."""


class StepError(Exception):
    """A step that failed, with the line that says why."""


@dataclass(frozen=True)
class Counts:
    """What the tests gave.

    Attributes:
        passed: How many.
        skipped: How many.
        failed: ``(name, message)`` of those that failed or could not be run.
    """

    passed: int
    skipped: int
    failed: tuple[tuple[str, str], ...]


class Environment:
    """A virtual environment in a folder, made unless it is there from a run that was broken off.

    Args:
        interpreter: Its Python.
        folder: Where it is made; empty or of an environment of the same Python.
    """

    def __init__(self, interpreter: Interpreter, folder: Path) -> None:
        self.folder, self.python = folder, folder / "venv" / "bin" / "python"
        self.variables = {**os.environ, "PIP_NO_CACHE_DIR": "1", "OMP_NUM_THREADS": "1"}
        self.variables.pop("PYTHONPATH", None)
        if not self.python.exists():
            self._run([str(interpreter.path), "-m", "venv", str(folder / "venv")])
            self._pip("install", "-q", PIP)

    def _run(self, command: Sequence[str], where: Path = ROOT) -> str:
        """What a command prints.

        Raises:
            StepError: It failed.
        """
        result = subprocess.run(command, cwd=where, env=self.variables, capture_output=True, text=True, check=False)
        if result.returncode:
            raise StepError(reason(result.stderr or result.stdout))
        return result.stdout

    def _pip(self, *arguments: str) -> str:
        return self._run([str(self.python), "-m", "pip", *arguments, "--disable-pip-version-check"])

    def requirements(self, kind: str, dependencies: Sequence[Requirement]) -> list[str]:
        """What a set asks of pip.

        Raises:
            StepError: A dependency has no wheel in its bounds.
        """
        constraints = CONSTRAINTS.read_text(encoding="utf-8")
        tools = [locked(name, constraints) for name in TOOLS]
        if kind == "locked":
            return [*tools, *(locked(r.name, constraints) for r in dependencies)]
        if kind == "newest":
            return [*tools, *map(plain, dependencies)]
        return [*tools, *map(self._lowest, dependencies)]

    def _lowest(self, requirement: Requirement) -> str:
        offered = versions_offered(self._pip("index", "versions", requirement.name, *WHEELS))
        if (version := lowest(requirement, offered)) is None:
            raise StepError(f"no wheel of {plain(requirement)}")
        return f"{requirement.name}=={version}"

    def resolved(self, kind: str, requirements: Sequence[str]) -> dict[str, str]:
        """The versions of all packages that pip would install, by name; nothing is downloaded but their metadata.

        Raises:
            StepError: No versions agree.
        """
        held = ("-c", str(CONSTRAINTS)) if kind == "locked" else ()
        plan = self.folder / "plan.json"
        self._pip(
            "install", "-q", "--dry-run", "--ignore-installed", "--report", str(plan), *WHEELS, *held, *requirements
        )
        return versions_planned(plan.read_text(encoding="utf-8"))

    def install(self, versions: Mapping[str, str]) -> None:
        """Installs these versions, and the checkout as a package; figures of other versions are removed.

        Raises:
            StepError: Something could not be installed.
        """
        if lacking(versions, self._pip("list", "--format=json")):
            shutil.rmtree(self.folder / "runs", ignore_errors=True)
            quiet = ("install", "-q", "--no-deps", "--no-compile")
            self._pip(*quiet, *WHEELS, *(f"{name}=={version}" for name, version in versions.items()))
            self._pip(*quiet, "-e", str(ROOT))

    def help(self) -> None:
        """Prints the help of a command, which goes through more of typer than the command does.

        Raises:
            StepError: It failed.
        """
        self._run([str(self.python), "-m", "vaecli", "compare", "--help"], self.folder)

    def machine(self) -> str:
        """The processor, and which of its instructions torch uses: figures of others differ in late digits.

        Raises:
            StepError: torch can't be imported.
        """
        command = "import torch; print(torch.backends.cpu.get_cpu_capability())"
        return f"{processor()}, {self._run([str(self.python), '-c', command], self.folder).split()[-1]}"

    def compare(self) -> dict[str, str]:
        """Figures of the methods on the embedded corpus with seed 0, as ``method_figure``.

        Raises:
            StepError: It failed.
        """
        command = ["-m", "vaecli", "compare", "--methods", ",".join(METHODS), "--set", "training.threads=1"]
        out = self.folder / "runs"
        self._run([str(self.python), *command, "--name", "compat", "--out", str(out)], self.folder)
        with (out / "compat" / "results.csv").open(encoding="utf-8", newline="") as file:
            rows = {row["method"]: row for row in csv.DictReader(file)}
        return {f"{method}_{name}": f"{float(rows[method][name]):z.6f}" for method in METHODS for name in FIGURES}

    def test(self, tests: str) -> Counts:
        """Runs tests: ``all``, ``fast`` or arguments of pytest.

        Raises:
            StepError: pytest ended without having run any.
        """
        report = self.folder / "tests.xml"
        command = [str(self.python), "-m", "pytest", "-v", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
        command += [f"--junitxml={report}", f"--basetemp={self.folder / 'tests'}", *arguments_of(tests)]
        result = subprocess.run(
            command,
            cwd=ROOT,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if not report.is_file():
            raise StepError(end_of_tests(result.stdout, result.returncode))
        return tests_of(report.read_text(encoding="utf-8"))


def end_of_tests(output: str, code: int) -> str:
    """Why pytest ended without a report: a signal, with the test that was at work, or the error that it names.

    Args:
        output: Of ``pytest -v``, which names each test as it begins.
        code: That it ended with; below 0 a signal.
    """
    if code >= 0:
        return reason(output)
    begun = re.findall(r"^(tests/\S+::.+?)(?: (?:[A-Z]{4,}.*)?)?$", output, re.MULTILINE)
    name = signal.strsignal(-code) or f"signal {-code}"
    return one_line(f"{name} in {begun[-1].partition(' Fatal Python')[0]}" if begun else name)


def versions_planned(report: str) -> dict[str, str]:
    """The versions in a report of ``pip install --dry-run --report``, by name."""
    plans = [package["metadata"] for package in json.loads(report)["install"]]
    return {normal(plan["name"]): plan["version"] for plan in plans}


def lacking(versions: Mapping[str, str], listed: str) -> list[str]:
    """What ``pip list --format=json`` lacks of these versions and of the project itself."""
    there = {normal(one["name"]): one["version"] for one in json.loads(listed)}
    lacks = [name for name, version in versions.items() if there.get(name) != version]
    return lacks if PROJECT in there else [*lacks, PROJECT]


def arguments_of(tests: str) -> list[str]:
    """What pytest is told: nothing for ``all``, the folders of `FAST` for ``fast``, else the words themselves."""
    if tests == "all":
        return []
    return [f"tests/{room}" for room in FAST] if tests == "fast" else shlex.split(tests)


def tests_of(report: str) -> Counts:
    """What a report in JUnit's format says."""
    passed, skipped, failed = 0, 0, []
    for case in ElementTree.fromstring(report).iter("testcase"):
        trouble = next((child for child in case if child.tag in ("failure", "error")), None)
        if trouble is not None:
            name = f"{case.get('file') or case.get('classname', '')}::{case.get('name')}"
            failed.append((name, one_line(trouble.get("message") or trouble.text or "")))
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return Counts(passed, skipped, tuple(failed))


def reason(output: str) -> str:
    """The line of a failed program's output that says why: the last that names an error, or the last of all."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|[\w.]*(Error|Exception|Warning))\b", line)]
    return one_line((errors or lines or ["it said nothing"])[-1])


def one_line(text: str, length: int = 160) -> str:
    """The first line of a text without addresses and this machine's paths, which no table is to hold."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"\w+://\S+", "(address)", line)
    line = line.replace(str(ROOT), ".").replace(sys.prefix, "(venv)")
    line = re.sub(r"(?<![\w.])/(?:[\w.+-]+/)+", "", line)
    return line if len(line) <= length else line[: length - 3] + "..."
