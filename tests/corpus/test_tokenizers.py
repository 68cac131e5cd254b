"""Every tokenizer that is offered, with its library."""

import importlib.util
import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vaecli.config import CorpusConfig
from vaecli.core.errors import UsageError
from vaecli.corpus.load import load_corpus
from vaecli.corpus.tokenizers import GONE, PACKAGES, RULES, SUBWORDS, TOKENIZERS, get_tokenizer
from vaecli.corpus.tokenizers.english import SPACY, join
from vaecli.corpus.types import UNK

HEAVY = pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="spaCy, an extra, is not installed")
"""spaCy is no part of the extra `dev`: it and what it needs are larger than all the rest of it."""


def named(names):
    return [pytest.param(name, marks=HEAVY if name == "spacy" else ()) for name in names]


ENGLISH = [name for name in RULES if name != "split"]
LOSSLESS = [name for name in TOKENIZERS if name != "basic_english"]

TEXT = ["the cat's owner doesn't pay 5.8 % -- in the U.S. it's (a lot) ...", "a <unk> & <s> b </s> c"] * 3


def made(name):
    """A tokenizer that has learned what it has to."""
    tokenizer = get_tokenizer(name)
    tokenizer.learn(TEXT)
    return tokenizer


SPECIAL = re.compile(r"\\*<(?:pad|s|/s|unk)>")

ATOMS = st.one_of(
    st.sampled_from(["<unk>", "<pad>", "<s>", "</s>", r"\<s>", r"\\</s>", r"\<unk>"]),
    st.sampled_from(
        ["the", "Dr.", "don't", "U.S.", "5.8", "1,000", "'", '"', ".", ",", "..", "...", "--", "&", "|", "%"]
    ),
    st.sampled_from(
        ["&amp;", "&#91;", "&lt;unk&gt;", "<", ">", "\\", "/", "Zqx", "zqxx", "http://a.b/c", "://x/", "[", "]"]
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=4),
)
LINES = st.lists(st.tuples(ATOMS, st.sampled_from(["", " ", "  ", "\u00a0", "\u2028"])), max_size=12).map(
    lambda parts: "".join(atom + gap for atom, gap in parts)
)


@pytest.mark.parametrize("name", named([*ENGLISH, *SUBWORDS]))
def test_special_symbols_survive_wherever_they_stand(name):
    tokenizer = made(name)

    @settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    @given(LINES)
    @example("<unk>'s (<unk>), <unk>-based <s>x</s> a<unk>b <unk>")
    @example("Zqx <unk> zqxx<unk>x Zqxx")
    def check(line):
        words = tokenizer(line)
        assert [word for word in words if SPECIAL.search(word)] == SPECIAL.findall(line)
        assert not any(not word or len(word.split()) != 1 or word.split()[0] != word for word in words)

    check()


@pytest.mark.parametrize("name", named(LOSSLESS))
def test_no_character_is_lost_or_made_either_way(name):
    tokenizer = made(name)

    @settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    @given(LINES)
    @example("He said: \"it's [A] & B | <b> 'c'\"")
    @example("see file:////x and ://x/y")
    def check(line):
        words = tokenizer(line)
        said = "".join(line.split())
        if name in SUBWORDS:
            said = said.replace("\u2581", "_")
        assert "".join(words).replace("\u2581", "") == said
        assert "".join(tokenizer.text(words).split()) == said

    check()


@pytest.mark.parametrize("name", SUBWORDS)
def test_pieces_join_to_the_text_again(name):
    tokenizer = made(name)
    word = st.one_of(
        st.sampled_from(["<unk>", "<s>", r"\<s>", "the", "cat's"]),
        st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="\u2581<>")).filter(
            bool
        ),
    )

    @settings(deadline=None, max_examples=300)
    @given(st.lists(word, max_size=8))
    def check(words):
        assert tokenizer.text(tokenizer("  ".join(words))) == " ".join(words)

    check()
    # where the text doesn't say it, a special symbol begins a word
    assert tokenizer.text(tokenizer("a<unk>b <unk>")) == "a <unk>b <unk>"
    assert tokenizer.text(tokenizer("a \u2581b")) == "a _b"


SENTENCES = """
The cook doesn't like cold soup, but she'll eat it (slowly).
"I can't," he said, "it's Mr. O'Neil's dog."
Prices rose 5.8% to $1,234.50 in the U.S. last year.
The dogs' owners -- all of them -- paid £20 each; that's a lot!
We're going to New York... aren't we?
He said: 'no way', and left.
A & B Corp. | the rest.
Is it true?! Yes.
"Quote." (Paren.) [Bracket.]
The <unk> company's <NUM> shares.
""".strip().split("\n")

FURTHER = [
    "They'd left at 10:30, back in the '60s.",
    "It is a well-known fact [citation needed] that 1/2 is 0.5.",
    "See http://example.com/a/b?c=d or foo@bar.com.",
    "\u201cSmart quotes\u201d aren\u2019t easy.",
]
"""Of which Moses's detokenizer writes parts with blanks between."""


@pytest.mark.parametrize("name", named(["moses", "toktok", "spacy", *SUBWORDS]))
def test_english_text_comes_back_as_it_was(name):
    tokenizer = made(name)
    for sentence in SENTENCES if name == "moses" else SENTENCES + FURTHER:
        assert tokenizer.text(tokenizer(sentence)) == sentence


def test_what_basic_english_takes_away():
    tokenizer = made("basic_english")
    assert tokenizer("The cat, sat.") == ["the", "cat", ",", "sat", "."]
    assert tokenizer('He: "no; <br /> I\'d pay $1,234.50"') == [
        *("he", "no", "i", "'", "d", "pay", "$1", ",", "234", ".", "50")
    ]
    assert tokenizer.text(tokenizer("The <UNK> cat's (1,234.50), isn't it?")) == "the <UNK> cat's (1,234.50), isn't it?"


@pytest.mark.parametrize("name", named(ENGLISH))
def test_placeholders_are_neither_torn_nor_lowered(name):
    words = made(name)("The <NUM> or <UNK>, <br/>x </div> <url-1>'s a<b c>d < e >")
    assert [word for word in words if word[0] == "<" and word[-1] == ">"] == [
        "<NUM>",
        "<UNK>",
        "<br/>",
        "</div>",
        "<url-1>",
    ]


@pytest.mark.parametrize("name", named(["moses", "toktok", "spacy"]))
def test_nothing_is_escaped(name):
    line = 'it\'s "A" & [B] | C <d> &amp; it'
    words = made(name)(line)
    assert {"&", "[", "|", '"'} <= set(words)
    assert "".join(words).count("&") == 2  # the text's own


def test_split_invents_nothing():
    tokenizer = made("split")
    assert tokenizer("The cat, \t sat. ") == ["The", "cat,", "sat."]
    assert tokenizer.text(["it", "was", "n't", ",", "(", "a", ")"]) == "it was n't , ( a )"


def test_words_that_no_text_has_are_joined_too():
    assert join([]) == ""
    assert join(["'"]) == "'"
    assert join([",", ",", "s", "'", "'", '"']) == ",, s' '\""
    assert join(["can", "not", "-", "a"], SPACY) == "cannot-a"
    assert join(["-", "a", "-"], SPACY) == "- a -"


def test_unknown_tokenizer_names_the_choices():
    with pytest.raises(UsageError, match="unknown tokenizer 'basic_englsh'") as caught:
        get_tokenizer("basic_englsh")
    assert "did you mean 'basic_english'?" in str(caught.value)
    assert all(name in str(caught.value) for name in TOKENIZERS)


@pytest.mark.parametrize("name", GONE)
def test_what_is_no_longer_offered_names_what_to_use(name):
    assert name not in TOKENIZERS
    with pytest.raises(UsageError, match=rf"'{name}' \(corpus\.tokenizer\) is no longer offered.*use bpe or unigram"):
        get_tokenizer(name)


@pytest.mark.parametrize("name", PACKAGES)
def test_tokenizer_without_its_library(monkeypatch, capsys, name):
    for module in [m for m in __import__("sys").modules if m.partition(".")[0] == PACKAGES[name]]:
        monkeypatch.delitem(__import__("sys").modules, module)
    monkeypatch.setitem(__import__("sys").modules, PACKAGES[name], None)  # an import of it fails, installed or not
    with pytest.raises(UsageError, match=rf"tokenizer '{name}' \(corpus\.tokenizer\) needs a library") as caught:
        get_tokenizer(name)
    assert f"`pip install {PACKAGES[name]}`, or choose from split, basic_english" in str(caught.value)
    assert capsys.readouterr().out == ""  # stdout is for results


@pytest.mark.parametrize("name", named(TOKENIZERS))
def test_a_corpus_of_every_tokenizer(folder, name):
    path = folder(train="The <unk> cat's owner , \n<unk> & a dog .\n", valid="a <unk>\n", test="a dog ,\n<unk> <unk>\n")
    corpus = load_corpus(CorpusConfig(data=str(path), tokenizer=name))
    assert corpus.vocabulary.tokenizer.name == name
    assert not any("<unk>" in word for word in corpus.vocabulary.words[4:])
    assert int((corpus.train.tokens == UNK).sum()) == 2
    assert int((corpus.test.tokens == UNK).sum()) == 2
    assert [corpus.split(part).raw_words for part in ("train", "valid", "test")] == [10, 2, 5]
    again = load_corpus(CorpusConfig(data=str(path), tokenizer=name))  # from the cache
    assert again.fingerprint == corpus.fingerprint
    assert again.vocabulary.tokenizer.kept == corpus.vocabulary.tokenizer.kept
    assert again.test.raw_words == 5
