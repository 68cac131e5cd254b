"""The folder of one run, ``OUT/<experiment>/<method>/seed-<n>/``: what is in it, and who may touch it.

``run.json`` is the marker: only a folder that bears it is ever overwritten, and only when the user asks. Every file is
replaced atomically, and one process at a time may write.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, get_args

from vaecli.config import RunConfig
from vaecli.core.checked import shown
from vaecli.core.errors import DataError, UsageError, unknown
from vaecli.core.files import TEMPORARY, dump_json, load_json, write_atomic
from vaecli.core.names import check_name
from vaecli.core.nested import merge, nested
from vaecli.remedies import make_method
from vaecli.runs.environment import describe_environment
from vaecli.runs.history import Cell, Row, append_row, forget_after, read_rows
from vaecli.runs.lock import LOCK, OWNER, FolderLock, in_use
from vaecli.runs.trial_files import MetricsFields, RunFields, check_fields
from vaecli.settings.run_file import read_run, run_text, settings_by_key

MARKER = "vaecli run"
FORMAT, OLDEST = 3, 1
"""What is written, and the oldest that is read. Since 3 config.toml holds all hyper-parameters, before it those that
were given; since 2 it spells them ``[method.bn]``, before it ``[hyper.bn]``."""
MORE_EPOCHS = "more epochs are asked for; further evaluations are to be made again"
"""Why a run that was done is not any more."""
CLEARED = "it is to be made anew, and is being cleared"
"""What a run says while it is deleted."""
FREE = frozenset(
    {"experiment", "training.save_every", "training.threads", "training.early_warning", "tracking.tracker"}
)
"""Settings that a run may be gone on with at other values: a folder may have been renamed, minutes between saves move
nothing, threads move figures in their last digits, of which it is told, and trackers are told figures that stand."""
Status = Literal["pending", "running", "done", "diverged", "failed", "interrupted"]
STATUSES: tuple[str, ...] = get_args(Status)


def run_path(out: Path, experiment: str, method: str, seed: int) -> Path:
    """Where a run belongs.

    The folder of ``vae-mine:bn`` is ``vae-mine.bn``, a name that every system takes and no other method's has.

    Raises:
        UsageError: See `check_name`.
    """
    folder = check_name("method", method.replace(":", "."))
    return out / check_name("experiment", experiment) / folder / f"seed-{seed}"


class RunFolder:
    """A run's folder.

    Args:
        path: It need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FolderLock(path, inside=("checkpoint",))

    @classmethod
    def open(cls, path: Path) -> Self:
        """An existing run.

        Raises:
            UsageError: There is none, it isn't one of ours, or it has another format.
        """
        folder = cls(path)
        folder.run()
        return folder

    @property
    def checkpoint_path(self) -> Path:
        """Where checkpoints are."""
        return self.path / "checkpoint"

    @property
    def log_path(self) -> Path:
        """What the run printed."""
        return self.path / "log.txt"

    @property
    def history_path(self) -> Path:
        """A row an evaluation."""
        return self.path / "history.csv"

    def lock(self) -> AbstractContextManager[None]:
        """The right to write; may be nested.

        Raises:
            UsageError: Another process has it, by number and host; or the folder, one above it or its checkpoints are
                a link.
        """
        self.refuse_links()
        return self._lock.hold()

    def refuse_links(self) -> None:
        """Refuses to write where the folder, one above it or its checkpoints are a link.

        Raises:
            UsageError: One is.
        """
        refuse_links(self.path.parent.parent, self.path.parent, self.path, self.checkpoint_path)

    @property
    def exists(self) -> bool:
        """Whether the folder bears our marker and was made completely."""
        return self._marked() and (self.path / "config.toml").is_file()

    def create(
        self, config: RunConfig, *, overwrite: bool = False, variant: Mapping[str, Any] | None = None, **fields: Any
    ) -> Self:
        """Makes the folder with status ``pending``.

        Args:
            config: All settings of the run.
            overwrite: Delete an earlier run that is there.
            variant: Hyper-parameters by key that tell the run from the method's others, defaults or not.
            fields: More to keep in run.json.

        Raises:
            UsageError: A run is there and may not be overwritten, or the folder is not ours.
        """
        self._check_free(overwrite)
        with self.lock():
            self._check_free(overwrite)
            self._clear()
            run = {"marker": MARKER, "format": FORMAT, "status": "pending", "message": "", "created": _now()}
            run |= {"method": config.method, "seed": config.training.seed, "own": own_settings(config, variant or {})}
            run |= describe_environment() | fields
            self._write_run(run)
            self._write_config(config)
        return self

    def resumed_config(self, config: RunConfig | None = None) -> RunConfig:
        """The settings that the run would go on with; writes nothing.

        Args:
            config: What the user wants now; more epochs than before are taken over, and all of `FREE`.

        Raises:
            UsageError: Any other setting differs; names each with both values.
        """
        self.run()
        old = self.config()
        if config is None or config == old:
            return old
        changes = config_changes(old, config)
        raised = config.training.epochs > old.training.epochs
        lines = "\n  ".join(line for line in changes if not (raised and line.startswith("training.epochs:")))
        if lines:
            raise UsageError(f"{self.path}: the settings of this run have changed, so it can't go on:\n  {lines}")
        return config

    def resume(self, config: RunConfig | None = None) -> RunConfig:
        """The run's settings, to go on with it; those of `resumed_config` from now on.

        A finished run that is to have more epochs is no longer done.
        """
        resumed, old = self.resumed_config(config), self.config()
        if resumed != old:
            more = resumed.training.epochs > old.training.epochs
            told = (
                {
                    "status": "interrupted",
                    "message": MORE_EPOCHS,
                }
                if more
                else {}
            )
            with self.lock():
                self._write_run({"own": old.hyper} | self.run() | {"format": FORMAT} | told)
                self._write_config(resumed)
                for table in self.path.glob("sentences-*.csv") if more else ():
                    table.unlink()  # of weights that will no longer be the run's
        return resumed

    def run(self) -> dict[str, Any]:
        """The contents of run.json.

        Raises:
            UsageError: There is no run here, or one of another format.
        """
        data = self._read_json("run.json")
        if data is None or data.get("marker") != MARKER:
            raise UsageError(f"{self.path}: there is no run of vae here{self._runs_below()}")
        version = data.get("format")
        if type(version) is not int:
            told = f"format must be an integer, got {shown(version)}"
            raise UsageError(f"{self.path / 'run.json'}: {told}; mend the file, or start the run anew with --overwrite")
        if version > FORMAT:
            raise UsageError(f"{self.path}: run format {version} is newer than this program's {FORMAT}; update vae")
        if version < OLDEST:
            raise UsageError(f"{self.path}: run format {version} is older than this program's {FORMAT}; --overwrite it")
        check_fields(self.path / "run.json", data, RunFields)
        return data

    @property
    def status(self) -> Status:
        """Where the run stands; one whose process died without a word is ``interrupted``."""
        return status_of(self.path, self.run())

    def update(self, **fields: Any) -> None:
        """Sets fields of run.json; ``updated`` is the time.

        Raises:
            UsageError: There is no run here, or `status` is none of `STATUSES`.
        """
        if "status" in fields and fields["status"] not in STATUSES:
            raise unknown("status", str(fields["status"]), STATUSES)
        self._write_run(self.run() | fields)

    def config(self) -> RunConfig:
        """The run's settings.

        Raises:
            UsageError: config.toml can't be read or isn't valid.
        """
        return read_run(self.path / "config.toml")

    @property
    def fingerprint(self) -> str:
        """That of the corpus that the run was trained on; empty before it started."""
        return str((self.run().get("corpus") or {}).get("fingerprint") or "")

    def append_history(self, row: Mapping[str, Cell]) -> None:
        """Adds a row to history.csv, on disk when this returns."""
        append_row(self.history_path, row)

    def history(self) -> list[Row]:
        """The rows of history.csv, a torn last line left out."""
        return read_rows(self.history_path)

    def forget_history(self, epochs: int) -> None:
        """Drops the rows after the epoch of the checkpoint that a resumed run goes on from."""
        forget_after(self.history_path, epochs)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Writes metrics.json."""
        write_atomic(self.path / "metrics.json", dump_json(metrics))

    def metrics(self) -> dict[str, Any]:
        """The contents of metrics.json; empty before the run is done.

        Raises:
            UsageError: The file is damaged, or the run is done and has lost it.
        """
        path = self.path / "metrics.json"
        data = self._read_json(path.name)
        if data is None and path.exists():
            raise UsageError(f"{path}: damaged: it holds no figures; start the run anew with --overwrite")
        if data is None and (self._read_json("run.json") or {}).get("status") == "done":  # they are written before
            told = "this run (done) has lost its metrics.json; put it back, or --overwrite the run"
            raise UsageError(f"{self.path}: {told}")
        check_fields(path, data or {}, MetricsFields)
        return data or {}

    def _runs_below(self) -> str:
        """Names the runs in the folder where it is that of a method or an experiment, for a message."""
        for pattern, kind in (("seed-*", "method"), ("*/seed-*", "experiment")):
            runs = sorted(p.relative_to(self.path) for p in self.path.glob(pattern) if (p / "run.json").is_file())
            if runs:
                names = ", ".join(map(str, runs[:6])) + (", ..." if len(runs) > 6 else "")
                return (
                    f"; it is the folder of {'a' if kind == 'method' else 'an'} {kind}: name one of its runs, {names}"
                )
        return ""

    def _marked(self) -> bool:
        data = self._read_json("run.json")
        return data is not None and data.get("marker") == MARKER

    def _check_free(self, overwrite: bool) -> None:
        refuse_links(self.path.parent.parent, self.path.parent, self.path)
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; move it away or choose another --out or --name")
        if not self._contents():
            return
        if not self._marked():
            raise UsageError(f"{self.path} holds something that is no run of vae; choose another --out or --name")
        if overwrite:
            return
        run = self._read_json("run.json") or {}
        status = run.get("status")
        if self.exists:
            raise UsageError(f"{self.path}: a run is here already ({status}); --resume it or --overwrite it")
        begun = self.history_path.exists() or self.checkpoint_path.exists()  # as one that waits to be gone on with
        if status != "pending" or (begun and run.get("message") != CLEARED):
            told = f"this run ({status}) has lost its config.toml; put it back, or --overwrite the run"
            raise UsageError(f"{self.path}: {told}")

    def _contents(self) -> list[Path]:
        """What is in the folder besides the lock and what killed writers left."""
        if not self.path.is_dir():
            return []
        own = (LOCK, OWNER)
        return [p for p in self.path.iterdir() if p.name not in own and not TEMPORARY.fullmatch(p.name)]

    def _clear(self) -> None:
        """Deletes an earlier run, its marker last, so that a kill in between leaves a folder that is still ours.

        Without its settings, and pending, it is one whose making was cut short, unless it had begun.
        """
        (self.path / "config.toml").unlink(missing_ok=True)
        if contents := self._contents():
            with suppress(DataError):  # a full disk, on which this makes room
                self._write_run({**(self._read_json("run.json") or {}), "status": "pending", "message": CLEARED})
        for entry in sorted(contents, key=lambda p: p.name == "run.json"):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _write_run(self, run: Mapping[str, Any]) -> None:
        write_atomic(self.path / "run.json", dump_json({**run, "updated": _now()}))

    def _write_config(self, config: RunConfig) -> None:
        write_atomic(self.path / "config.toml", run_text(config))

    def _read_json(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            return load_json(path)
        except OSError as error:
            raise UsageError(f"{path}: can't read it: {error.strerror}") from None
        except ValueError as error:
            raise UsageError(f"{path}: damaged: {error}") from None


def status_of(path: Path, run: Mapping[str, Any]) -> Status:
    """Where a run stands; one whose process died without a word is ``interrupted``.

    Args:
        path: Its folder.
        run: The contents of its run.json.

    Raises:
        UsageError: The status is none of `STATUSES`.
    """
    told = run.get("status")
    if told not in STATUSES:
        raise unknown("status", str(told), STATUSES, str(path / "run.json"))
    status: Status = told
    return "interrupted" if status == "running" and not in_use(path) else status


def refuse_links(*folders: Path) -> None:
    """Refuses folders that are links: what is written or deleted in them would be somewhere else.

    Raises:
        UsageError: Names the first.
    """
    for folder in folders:
        if folder.is_symlink():
            raise UsageError(
                f"{folder} is a link to {os.readlink(folder)}; an experiment's folder and those in it must be folders "
                "of their own; --out may be a link"
            )


def own_settings(config: RunConfig, variant: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The hyper-parameters that a table tells of a run, by remedy: those that are no defaults, and its variant's."""
    parts = config.method.split("+")
    tables = {name: table for name, table in nested(variant).items() if name in parts}
    chosen = {name: {key: config.hyper[name][key] for key in table} for name, table in tables.items()}
    return merge(make_method(config.method, config.hyper).changed, chosen)


def config_changes(old: RunConfig, new: RunConfig) -> list[str]:
    """The settings that differ, a line each, but for `FREE`: ``training.epochs: 8 -> 12``."""
    before, after = settings_by_key(with_defaults(old)), settings_by_key(with_defaults(new))
    keys = [key for key in (*before, *(key for key in after if key not in before)) if key not in FREE]
    return [f"{k}: {before.get(k)!r} -> {after.get(k)!r}" for k in keys if before.get(k) != after.get(k)]


def with_defaults(config: RunConfig) -> RunConfig:
    """The settings with all hyper-parameters, as a run of an earlier version doesn't have them."""
    return config.model_copy(update={"hyper": make_method(config.method, config.hyper).hyper})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
