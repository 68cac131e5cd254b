"""What ``--data`` names: an embedded corpus, a folder of splits, one file, or a dataset of the Hugging Face hub.

Nothing is opened here but the folders in which a name is looked for, so that settings may ask without a corpus.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vaecli.core.errors import DataError, nearest
from vaecli.core.files import at_home
from vaecli.corpus.public_corpora import public_corpora

SYNTHETIC = "synthetic"
"""Name of the embedded corpus; a folder of this name is ``./synthetic``."""

MIXTURE = "mixture"
"""Name of the embedded corpus of He et al. (2019)."""

ORACLE = "oracle"
"""Name of the embedded corpus that a known LSTM with a latent variable writes (Kim et al. 2018)."""

EMBEDDED = (SYNTHETIC, MIXTURE, ORACLE)
"""Names of the corpora that the program writes itself."""

HUB = "hf:"
"""How the name of a dataset of the Hugging Face hub begins."""

SPLITS = ("train", "valid", "test")

KINDS = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")
"""Ends of the names of files that are read."""

PACKED = (".gz", ".zst")
"""Ends that may follow: compressed."""

ACCEPTED = (
    f"{', '.join(f'`{name}`' for name in EMBEDDED)}, "
    f"a folder with train.txt, valid.txt and test.txt, one file ({', '.join(KINDS)}; each also "
    f"{' or '.join(PACKED)}), or {HUB}NAME"
)


@dataclass(frozen=True)
class FileKind:
    """What the name of a file says of its content.

    Attributes:
        stem: The name without these ends.
        kind: One of `KINDS`; empty for another.
        packing: One of `PACKED`; empty for a file that isn't compressed.
    """

    stem: str
    kind: str
    packing: str


def file_kind(name: str) -> FileKind:
    """The kind of file of a name such as ``reviews.csv.gz``."""
    packing = next((end for end in PACKED if name.lower().endswith(end)), "")
    inner = name[: len(name) - len(packing)]
    kind = next((end for end in KINDS if inner.lower().endswith(end)), "")
    return FileKind(inner[: len(inner) - len(kind)], kind, packing)


def is_hub(data: str) -> bool:
    """Whether a corpus is named as one of the hub."""
    return data.startswith(HUB)


def hub_name(data: str) -> tuple[str, str | None]:
    """Dataset and configuration of ``hf:NAME`` or ``hf:NAME:CONFIG``.

    Raises:
        DataError: It is neither.
    """
    name, _, config = data.removeprefix(HUB).partition(":")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) or ":" in config:
        raise DataError(f"{data!r} (--data): write {HUB}NAME or {HUB}NAME:CONFIG, such as {HUB}stanfordnlp/imdb")
    return name, config or None


def corpus_title(data: str) -> str:
    """A corpus's own name: ``synthetic``, that of its folder, or of its file or dataset without what is before it."""
    if is_hub(data):
        return data.removeprefix(HUB).rpartition("/")[2].replace(":", "-")
    path = at_home(data)
    kind = file_kind(path.name)
    if kind.kind and not path.is_dir():
        return kind.stem
    return path.name


def locate(data: str) -> Path:
    """The folder or file that the user named.

    Raises:
        DataError: There is none.
    """
    try:
        path = Path(data).expanduser()
        if data.strip() and path.exists():
            return path
        near = [str(p) for p in path.parent.iterdir() if p.is_dir() or file_kind(p.name).kind]
    except (FileNotFoundError, NotADirectoryError):
        near = []
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{data!r} (--data): can't be opened: {error}") from None
    if data in public_corpora():  # what a preset names
        raise DataError(f"{data!r} (--data): no such folder here; `vae data fetch {data}` writes it, or give your own")
    hint = nearest(data, [*EMBEDDED, *near])
    hint = f"; {hint}" if hint.startswith("did you mean") else ""
    raise DataError(f"unknown corpus {data!r} (--data): give {ACCEPTED}{hint}")
