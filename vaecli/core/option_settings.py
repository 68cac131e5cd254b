"""The settings that have an option of their own: what the option's help and the field in `vaecli.config` both say.

Said here, without pydantic, because ``vae --help`` makes the options of all commands and shall not wait for it. All
other settings are said in `vaecli.config`, and are reached by ``--set`` and TOML files.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OptionSetting:
    """A setting with an option of its own.

    Attributes:
        group: Its group.
        name: Its key in the group.
        default: Without a preset, a file or an option; a value of the setting's type.
        description: What it is.
        least: The smallest number.
        most: The largest.
        choices: The texts that it may be; any text without.
        metavar: What the help shows for its value; the type and range, or the choices, without.
        variable: The environment variable that says it where nothing else does; none without.
    """

    group: str
    name: str
    default: int | float | str
    description: str
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    metavar: str = ""
    variable: str = ""

    @property
    def key(self) -> str:
        """As ``--set`` takes it, ``training.epochs``."""
        return f"{self.group}.{self.name}"

    @property
    def option(self) -> str:
        """``--max-vocab``."""
        return "--" + self.name.replace("_", "-")

    @property
    def shown_kind(self) -> str:
        """What its value is, for the help: ``auto|fp32|bf16``, ``<int> [x>=1]``."""
        least = "" if self.least is None else f" [x>={self.least}]"
        return self.metavar or "|".join(self.choices) or f"<{type(self.default).__name__}>{least}"

    def help(self, default: str | None = None) -> str:
        """The description as a sentence, with the default.

        Args:
            default: In words, where a command has another than the setting; none is shown of an empty text.
        """
        if default is None:
            default = self.default if isinstance(self.default, str) else f"{self.default:,}".removesuffix(".0")
            if default and self.variable:
                default = f"{default}, or {self.variable}"
        sentence = self.description[:1].upper() + self.description[1:] + "."
        return f"{sentence} (default: {default})" if default else sentence


_LIST = (
    OptionSetting(
        "corpus",
        "data",
        "synthetic",
        "`synthetic`, `mixture`, `oracle`, a folder with train.txt, valid.txt and test.txt, one file, or hf:NAME; "
        "also .csv, .tsv, .jsonl and .parquet, each also .gz and .zst",
        metavar="synthetic|mixture|oracle|FOLDER|FILE|hf:NAME",
        variable="VAE_DATA",
    ),
    OptionSetting("training", "seed", 0, "seed of initialisation, data order and noise", least=0, most=2**32 - 1),
    OptionSetting(
        "training",
        "epochs",
        6,
        "passes over train at most; a stage of training has one at least",
        least=1,
        most=1_000_000,
    ),
    OptionSetting(
        "training",
        "protocol",
        "shared",
        "`shared`: only the method differs; `published`: as each method's paper trains it; `tuned`: the best of "
        "`vae tune`. Several, comma-separated, are shown side by side",
        choices=("shared", "published", "tuned"),
    ),
    OptionSetting(
        "training",
        "save_every",
        5.0,
        "minutes between two saves inside an epoch; 0 saves after epochs only",
        least=0,
        most=100_000,
    ),
    OptionSetting(
        "evaluation", "iw_samples", 50, "samples of the importance-weighted NLL; 0 skips it", least=0, most=100_000
    ),
    OptionSetting(
        "corpus",
        "tokenizer",
        "split",
        "`split` at white space; rules for English: basic_english, moses, toktok or spacy; "
        "subwords learned on train: bpe or unigram",
    ),
    OptionSetting(
        "corpus",
        "max_vocab",
        0,
        "keep the most frequent words only; 0 keeps all. For bpe and unigram: pieces, 0 for 8,000",
        least=0,
        most=100_000_000,
    ),
    OptionSetting(
        "corpus", "min_freq", 1, "words or pieces seen fewer times in train are unknown", least=1, most=2**31 - 1
    ),
    OptionSetting(
        "corpus", "max_length", 200, "longer sentences are cut to this many words or pieces", least=1, most=2**31 - 1
    ),
    OptionSetting(
        "corpus",
        "text_column",
        "",
        "field or column that is the sentence, if there are several: its number from 1, or its name",
        metavar="N|NAME",
    ),
    OptionSetting(
        "corpus",
        "label_column",
        "auto",
        "field or column that is the label: its number or name, `none`, or `auto` where it is short and repeated",
        metavar="N|NAME|none|auto",
    ),
    OptionSetting(
        "corpus",
        "unknown_words",
        "",
        "words that mean unknown, separated by blanks, such as `_UNK`; `<unk>` always does",
        metavar="WORDS",
    ),
    OptionSetting(
        "training",
        "device",
        "auto",
        "where the model computes; cuda:1 is the second GPU, auto a GPU if there is one",
        metavar="auto|cpu|cuda",
        variable="VAE_DEVICE",
    ),
    OptionSetting(
        "training",
        "precision",
        "auto",
        "arithmetic of training; fp32 is exact",
        choices=("auto", "fp32", "bf16"),
        variable="VAE_PRECISION",
    ),
    OptionSetting(
        "tracking",
        "tracker",
        "",
        "also send figures and settings to these, comma-separated: tensorboard, mlflow, wandb, aim",
        metavar="NAMES",
    ),
)

OPTION_SETTINGS = {setting.key: setting for setting in _LIST}
"""By key, in the order in which a command's help shows them."""
