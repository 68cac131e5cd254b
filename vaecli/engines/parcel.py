"""A trial as bytes, for machines that share no disk: what travels there, and what comes back while it works."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vaecli.config import CorpusConfig, RunConfig
from vaecli.core.files import write_atomic
from vaecli.corpus.load import corpus_files, load_corpus
from vaecli.corpus.origins import EMBEDDED, is_hub
from vaecli.corpus.text import as_tables
from vaecli.runs.folder import RunFolder
from vaecli.runs.progress_file import PROGRESS
from vaecli.settings.run_file import read_run, run_text
from vaecli.training.checkpoint import BEST, LAST, PREVIOUS

Files = Mapping[str, bytes]
"""Contents by path inside a folder."""
Signatures = dict[str, tuple[int, int]]
"""Time of change and size by path inside a folder."""

CONFIG, VOCABULARY, RUN, LOG = "config.toml", "vocab.json", "run.json", "log.txt"
LAST_FILE, PREVIOUS_FILE, BEST_FILE = (f"checkpoint/{name}" for name in (LAST, PREVIOUS, BEST))
OF_ONE_MACHINE = (CONFIG, PREVIOUS_FILE, LOG)
"""What doesn't come back as a whole file: settings, whose paths are of that machine; the checkpoint before, which the
receiver has had already; and the log, which grows."""
ATTEMPTS = 5


@dataclass(frozen=True)
class TextParcel:
    """A corpus.

    Attributes:
        name: Of its folder or its one file; empty for an embedded corpus, which every machine has.
        files: Its texts.
        vocabulary: As in ``vocab.json``: a tokenizer that learns is not to learn anew on each machine.
        columns: Settings that differ where it arrives, since its columns have other names there and it is divided.
    """

    name: str = ""
    files: Files = field(default_factory=dict)
    vocabulary: Files = field(default_factory=dict)
    columns: Mapping[str, str | int] = field(default_factory=dict)


def pack_corpus(config: CorpusConfig, scratch: Path) -> TextParcel:
    """A corpus as its files and its vocabulary.

    Args:
        config: Which text, and how it becomes ids.
        scratch: An existing folder to write in.

    Raises:
        DataError: It can't be read.
    """
    corpus = load_corpus(config)
    corpus.vocabulary.save(scratch / VOCABULARY)
    vocabulary = {VOCABULARY: (scratch / VOCABULARY).read_bytes()}
    if config.data in EMBEDDED:
        return TextParcel(vocabulary=vocabulary)
    files = corpus_files(config.data)
    columns: dict[str, str | int] = {}
    if is_hub(config.data):  # only this machine has it in its cache, and a folder has all three splits
        files, named = as_tables(files, config)
        columns = {**named, "corpus_seed": CorpusConfig().corpus_seed}  # by which nothing is divided there
    packed = {f"{part}{file.kind}": file.data for part, file in files.items()}
    if len(files) == 1:
        name = f"{corpus.name}{files['train'].kind}"
        return TextParcel(name, {name: files["train"].data}, vocabulary)
    return TextParcel(corpus.name, packed, vocabulary, columns)


@dataclass(frozen=True)
class ReferenceParcel:
    """A finished run of method ``lm`` that trials are measured against.

    Attributes:
        files: Of its folder, as far as they are needed to load it; none where there is no reference.
        text: Its corpus, which must encode to that of the trials.
    """

    files: Files = field(default_factory=dict)
    text: TextParcel = TextParcel()


def pack_reference(path: str, scratch: Path) -> ReferenceParcel:
    """The run in a folder, which `check_reference` has let pass; an empty path is none."""
    if not path:
        return ReferenceParcel()
    folder = RunFolder.open(Path(path))
    files = read_files(folder.path, (RUN, CONFIG, VOCABULARY, BEST_FILE))
    return ReferenceParcel(files, pack_corpus(folder.config().corpus, scratch))


def read_files(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Those of the files that there are."""
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def pack_run(folder: Path, text: TextParcel) -> dict[str, bytes]:
    """A prepared or interrupted run, without its log; a run that has no vocabulary yet gets the corpus's."""
    names = tuple(name for name in signatures(folder) if name not in (LOG, PREVIOUS_FILE))
    return {**text.vocabulary, **read_files(folder, (*names, CONFIG))}


def unpack(files: Files, folder: Path) -> None:
    """Writes files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)


def unpack_corpus(text: TextParcel, config: CorpusConfig, folder: Path) -> CorpusConfig:
    """Writes a corpus into a folder.

    Returns:
        The settings with the corpus where it is now.
    """
    if not text.name:
        return config
    path = folder / text.name
    unpack(text.files, path.parent if path.name in text.files else path)
    return config.model_copy(update={"data": str(path), **text.columns})


def unpack_trial(run: Files, text: TextParcel, reference: ReferenceParcel, folder: Path) -> Path:
    """Writes a trial and what it needs into a folder.

    Returns:
        Its run folder, whose settings name the paths that hold here.
    """
    path = folder / "trial"
    unpack(run, path)
    config = read_run(path / CONFIG)
    corpus = unpack_corpus(text, config.corpus, folder / "corpus")
    evaluation = config.evaluation
    if reference.files:
        unpack_reference(reference, folder)
        evaluation = evaluation.model_copy(update={"reference": str(folder / "reference")})
    write_config(path, config.model_copy(update={"corpus": corpus, "evaluation": evaluation}))
    return path


def unpack_reference(reference: ReferenceParcel, folder: Path) -> None:
    """Writes a reference run into ``reference`` in a folder, its corpus beside it."""
    path = folder / "reference"
    unpack(reference.files, path)
    config = read_run(path / CONFIG)
    corpus = unpack_corpus(reference.text, config.corpus, folder / "reference-corpus")
    write_config(path, config.model_copy(update={"corpus": corpus}))


def write_config(folder: Path, config: RunConfig) -> None:
    """Replaces a run's settings."""
    write_atomic(folder / CONFIG, run_text(config))


@dataclass(frozen=True)
class Report:
    """What has changed in a trial's folder since the last report.

    Attributes:
        files: New or changed ones.
        known: The signatures with which the next report is asked for.
        log: What was printed since.
        code: Exit code of the trial's process, None while it works.
    """

    files: Files
    known: Signatures
    log: bytes
    code: int | None


def signatures(folder: Path) -> Signatures:
    """All files of a run but those of one machine; hidden ones are locks and what is being written."""
    states: Signatures = {}
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(root, name)
            inside = path.relative_to(folder).as_posix()
            if not name.startswith(".") and inside not in OF_ONE_MACHINE:
                state = path.stat()
                states[inside] = (state.st_mtime_ns, state.st_size)
    return states


def changes(folder: Path, known: Signatures) -> tuple[dict[str, bytes], Signatures]:
    """The files that differ from what is known, all of one moment, so that checkpoints and history belong together.

    What displays read is replaced every few seconds and belongs to no moment.

    Returns:
        The files and the signatures that are known now; nothing new where the folder changed faster than it was read.
    """
    for _ in range(ATTEMPTS):
        try:
            before = signatures(folder)
            files = {name: (folder / name).read_bytes() for name, state in before.items() if known.get(name) != state}
            if {**signatures(folder), PROGRESS: None} == {**before, PROGRESS: None}:
                return files, before
        except FileNotFoundError:  # replaced in between
            continue
    return {}, known


def receive(files: Files, folder: Path) -> None:
    """Writes what came back in the order in which the trial wrote it: the checkpoint, then its word on the end."""
    rank = {LAST_FILE: 1, "metrics.json": 2, RUN: 3}
    for name in sorted(files, key=lambda name: rank.get(name, 0)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == LAST_FILE and path.exists():
            os.replace(path, folder / PREVIOUS_FILE)
        write_atomic(path, files[name])


def read_from(path: Path, start: int) -> bytes:
    """What a growing file holds from a byte on."""
    if not path.exists():
        return b""
    with open(path, "rb") as file:
        file.seek(start)
        return file.read()
