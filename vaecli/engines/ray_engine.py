"""Trials on a Ray cluster, whose machines share no disk.

Corpus and trials travel by Ray's object store, and only the driver writes the experiment's folder. What has reached the
driver is never lost: a trial whose machine dies goes on elsewhere from the last checkpoint that came back, and so does
one whose driver died, when the same command is run again. Ray ends what a dead driver started.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayError

import vaecli
from vaecli.core.errors import UsageError, VaeError
from vaecli.engines.engine import Engine, Outcome, Policy, Watcher
from vaecli.engines.interpreter import safe_children
from vaecli.engines.parcel import Report, TextParcel, pack_corpus, pack_reference, pack_run, receive
from vaecli.engines.ray_trial import TrialHost
from vaecli.engines.silence import Silence
from vaecli.engines.supervisor import Attempt, End, Launcher, Start, Supervisor
from vaecli.engines.worker import HistoryTail, ended, last_line, thread_variables
from vaecli.runs.experiment import Trial
from vaecli.runs.folder import RunFolder
from vaecli.runs.history import Row
from vaecli.runs.progress_file import PROGRESS

SYNC_SECONDS = 1.0
"""Between two reports of a trial."""
LOOK_SECONDS = 5.0
"""Between two looks at the machines of the cluster."""
CLOSE_SECONDS = KNOCK_SECONDS = 10.0


@dataclass(frozen=True)
class RayEngine(Engine):
    """Runs trials on a Ray cluster.

    Attributes:
        address: Of a running cluster; None is ``RAY_ADDRESS``, or else one that is started on this machine.
        cpus_per_trial: Cores that a trial takes, and threads that it runs.
        gpus_per_trial: GPUs that it takes; None is one where the cluster has any and the settings leave the choice.
    """

    address: str | None = None
    cpus_per_trial: float | None = None
    gpus_per_trial: float | None = None

    def run(self, trials: Sequence[Trial], on_event: Watcher, policy: Policy) -> Outcome:
        """See `Engine`."""
        with connected(self.address):
            with tempfile.TemporaryDirectory(prefix="vae-parcel-") as scratch:
                cluster = Cluster(self, policy.jobs, trials, Path(scratch))
            return Supervisor(trials, cluster, on_event, policy).run()


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """A connection to a cluster, which is started here if need be, without statistics sent home.

    Raises:
        UsageError: The cluster can't be reached.
    """
    where = address or os.environ.get("RAY_ADDRESS") or "local"
    own = {"include_dashboard": False} if where == "local" else {}
    with ExitStack() as stack:
        # Ray puts the working folder on its workers' path; here that is an empty one
        empty = stack.enter_context(tempfile.TemporaryDirectory(prefix="vae-ray-", ignore_cleanup_errors=True))
        try:
            knock(where)
            with safe_children(RAY_USAGE_STATS_ENABLED="0"), chdir(empty):
                ray.init(address=where, log_to_driver=False, logging_level="ERROR", **own)
        except (OSError, RuntimeError, ValueError, RayError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UsageError(f"--address {where}: Ray can't be reached or started there: {reason}") from None
        stack.callback(ray.shutdown)
        stack.enter_context(
            redirect_stdout(sys.stderr)
        )  # Ray prints what happens to its nodes on stdout, among results
        yield


def knock(address: str) -> None:
    """Looks whether anybody answers at ``HOST:PORT``, where Ray itself would try for minutes.

    Raises:
        OSError: Nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


class Cluster(Launcher):
    """Starts trials as actors of Ray; see `Launcher`.

    Args:
        engine: What a trial takes.
        jobs: Trials at a time; 0 is as many as the machines have room for.
        trials: All that are to run; they share corpus and reference.
        scratch: An empty folder.
    """

    poll_seconds = 0.1

    def __init__(self, engine: RayEngine, jobs: int, trials: Sequence[Trial], scratch: Path) -> None:
        config = trials[0].config
        self.jobs, self.looked, self.room = jobs, 0.0, 0
        self.cpus = engine.cpus_per_trial if engine.cpus_per_trial is not None else 1.0
        self.gpus = engine.gpus_per_trial
        if self.gpus is None:
            open_choice = config.training.device in ("auto", "cuda")
            self.gpus = 1.0 if open_choice and ray.cluster_resources().get("GPU") else 0.0
        self.text = pack_corpus(config.corpus, scratch)
        self.text_ref = ray.put(self.text)
        self.reference_ref = ray.put(pack_reference(config.evaluation.reference, scratch))
        own = {key: value for key, value in os.environ.items() if key.startswith("VAE_") and key != "VAE_CACHE"}
        self.variables = own | thread_variables(max(1, floor(self.cpus)))

    def capacity(self) -> int:
        """As many as asked for, or as there is room for now; one at least, so that a cluster that grows does so."""
        now = time.monotonic()
        if not self.room or now - self.looked > LOOK_SECONDS:
            self.looked = now
            self.room = max(1, sum(map(self._fits, ray.nodes())))
        return self.jobs or self.room

    def _fits(self, node: dict[str, Any]) -> int:
        """Trials that a machine has room for when it is empty."""
        has = node["Resources"] if node["Alive"] else {}
        needs = {name: need for name, need in (("CPU", self.cpus), ("GPU", self.gpus)) if need}
        return min((floor(has.get(name, 0.0) / need + 1e-6) for name, need in needs.items()), default=0)

    def launch(self, starts: Sequence[Start]) -> list[RayAttempt | VaeError]:
        """An actor for each."""
        return [self._attempt(start) for start in starts]

    def _attempt(self, start: Start) -> RayAttempt | VaeError:
        try:
            return RayAttempt(start, self, self.text)
        except VaeError as error:
            return error


class RayAttempt(Attempt):
    """A trial at work on some machine, and its folder here, which is locked as long; see `Attempt`.

    Args:
        start: Which trial.
        cluster: Where.
        text: Its corpus.

    Raises:
        UsageError: Another process has the run.
    """

    def __init__(self, start: Start, cluster: Cluster, text: TextParcel) -> None:
        self.start = start
        self.folder = RunFolder(start.trial.path)
        self.held = ExitStack()
        self.held.enter_context(self.folder.lock())
        self.silence, self.tail = Silence(self.folder), HistoryTail(self.folder)
        self.log_start = self.folder.log_path.stat().st_size if self.folder.log_path.exists() else 0
        self.known: dict[str, tuple[int, int]] = {}
        self.printed = 0
        self.asked = 0.0
        self.pending: Any = None
        self.end: End | None = None
        options = {"num_cpus": cluster.cpus, "num_gpus": cluster.gpus, "max_restarts": 0}
        self.host = (
            ray.remote(TrialHost)
            .options(**options)
            .remote(
                vaecli.__version__,
                pack_run(self.folder.path, text),
                cluster.text_ref,
                cluster.reference_ref,
                cluster.variables,
            )
        )

    def poll(self) -> End | None:
        """How it ended; None while it works. What has come back is written."""
        if self.end is None:
            try:
                self._ask_ray()
            except (VaeError, OSError):
                if self.folder.exists:  # a full disk is every trial's affair
                    raise
                self._finish(End(code=1))  # the folder of this one is gone
        return self.end

    def _ask_ray(self) -> None:
        """A look at the actor, which may be away or gone."""
        try:
            self._sync()
        except ActorUnavailableError:  # the network; it is asked again
            self.pending = None
        except RayActorError as error:
            self._lost(str(error))

    def _sync(self) -> None:
        """Asks for a report now and then, and writes what it says."""
        if self.pending is None:
            if time.monotonic() - self.asked >= SYNC_SECONDS:
                self.asked = time.monotonic()
                self.pending = self.host.report.remote(self.known, self.printed)
            return
        if not ray.wait([self.pending], timeout=0)[0]:
            return
        report: Report = ray.get(self.pending)
        self.pending = None
        self._print(report.log)
        receive(report.files, self.folder.path)
        self.known, self.printed = report.known, self.printed + len(report.log)
        if report.code is not None:
            self._finish(ended(report.code))

    def _print(self, text: bytes) -> None:
        with open(self.folder.log_path, "ab") as log:
            log.write(text)

    def _lost(self, reason: str) -> None:
        """Ends an attempt whose actor is gone; one that could not even begin has failed, and is not repeated."""
        if "creation task" in reason:
            self._print(f"{reason.strip().splitlines()[-1]}\n".encode())
            self._finish(End(code=1))
        else:
            self._finish(End(killed=f"lost with its {lost_with(reason)}"))

    def _finish(self, end: End) -> None:
        """Gives the machine and the run folder back."""
        self.end = end
        with suppress(RayError):  # where it is gone already, the next trial there removes what it left
            ray.get(self.host.close.remote(), timeout=CLOSE_SECONDS)
        ray.kill(self.host)
        with suppress(OSError):  # its removal there is nothing that a report brings
            (self.folder.path / PROGRESS).unlink(missing_ok=True)
        self.held.close()

    def news(self) -> Row | None:
        """The last row of the history, if there is a new one since the last call."""
        return self.tail.news()

    def trouble(self) -> str:
        """Why it may hang, once each time; empty while it gives signs of life."""
        return self.silence.words()

    def ask(self, number: int) -> None:
        """Sends the trial a signal to save and stop; one that has not begun is called off."""
        if self.end is None and self.known:
            self.host.ask.remote(number)
        else:
            self.kill()

    def kill(self) -> None:
        """Ends the trial; what has come back stays."""
        if self.end is None:
            ray.kill(self.host)
            self._finish(End(killed="killed"))

    def last_words(self) -> str:
        """The last line that this attempt printed."""
        return last_line(self.folder.log_path, self.log_start)


def lost_with(reason: str) -> str:
    """What has died, by Ray's own words for an actor that is gone."""
    return "machine" if re.search(r"node (has died|was (terminated|preempted))", reason) else "Ray worker"
