"""The words of texts are counted as scikit-learn's vectorizers count them, whatever the text."""

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.utils.murmurhash import murmurhash3_32

from seatrial.model import word_counts
from seatrial.model.word_counts import (
    METADATA_KEY,
    WordColumn,
    WordReader,
    counter,
    word_hash,
    word_reader,
    words_metadata,
)

TEXTS = [
    "",
    " ",
    "a",
    "The quick brown fox; the QUICK fox's den",
    "İSTANBUL ISTANBUL ıstanbul Straße STRASSE ǅ",  # noqa: RUF001
    "cafe\u0301 café CAFÉ naïve ﬁsh ﬀ ＷＩＤＥ ①② x²",  # noqa: RUF001
    "one\ntwo\tthree\u00a0four\u2028five\u0085six\u3000seven\x1ceight",
    "a\x00b \x00 nul\x00nul",
    "日本語のテキスト 한국어 العربية ไทย हिन्दी",
    "🚢🚢 👩‍👩‍👧 flag🇩🇪 zero\u200bwidth",
    "under_score 12 3.14 -5 e-mail@example.com don't",
    "  many   spaces  \n\n here ",
    "\ud800 half a pair",
    "long " * 3_000 + "x" * 5_000,
    "ΟΔΟΣ ΣΑΣ σας ς",
]
WORDS = r"(?u)\b\w\w+\b"
OPTIONS = {
    "words": {},
    "single letters": {"token_pattern": r"(?u)\b\w+\b"},
    "a group": {"token_pattern": r"(\w+)'?s?\b"},
    "as written": {"lowercase": False},
    "pairs": {"ngram_range": (1, 2)},
    "pairs and triples": {"ngram_range": (2, 3), "stop_words": ["the", "quick"]},
    "english": {"stop_words": "english"},
    "without accents": {"strip_accents": "unicode"},
    "ascii": {"strip_accents": "ascii", "lowercase": False},
    "letters": {"analyzer": "char"},
    "three letters": {"analyzer": "char", "ngram_range": (2, 3), "strip_accents": "unicode"},
    "letters of words": {"analyzer": "char_wb", "ngram_range": (1, 4)},
    "long parts of words": {"analyzer": "char_wb", "ngram_range": (3, 8)},
    "once": {"binary": True, "ngram_range": (1, 2)},
}


def column(vectorizer, **numbered):
    """The parameters of a vectorizer, as a graph's metadata has them."""
    shortest, longest = vectorizer.ngram_range
    return WordColumn(
        0,
        vectorizer.analyzer,
        vectorizer.lowercase,
        vectorizer.strip_accents or "",
        vectorizer.token_pattern,
        shortest,
        longest,
        tuple(vectorizer.get_stop_words() or ()),
        binary=vectorizer.binary,
        **numbered,
    )


def dense(count, width):
    rows = np.zeros((len(TEXTS), width))
    for row, text in enumerate(TEXTS):
        for number, value in count(text).items():
            rows[row, number] = value
    return rows


@pytest.mark.filterwarnings("ignore:Your stop_words")
@pytest.mark.parametrize("name", OPTIONS)
def test_words_are_counted_as_scikit_learn_counts_them(name):
    vectorizer = CountVectorizer(**OPTIONS[name]).fit(TEXTS[::2])  # so that others have unknown words
    words = tuple(vectorizer.get_feature_names_out())
    counted = dense(counter(column(vectorizer, vocabulary=words)), len(words))
    np.testing.assert_array_equal(counted, vectorizer.transform(TEXTS).toarray())
    assert counted.any()


@pytest.mark.parametrize("options", [{}, {"alternate_sign": False}, {"binary": True}, {"analyzer": "char"}], ids=str)
def test_hashes_are_counted_as_scikit_learn_counts_them(options, monkeypatch):
    monkeypatch.setattr("tests.model.test_word_counts.TEXTS", [text for text in TEXTS if "\ud800" not in text])
    vectorizer = HashingVectorizer(n_features=13, norm=None, **options)
    counted = dense(counter(column(vectorizer, hashed=13, signed=vectorizer.alternate_sign)), 13)
    np.testing.assert_array_equal(counted, vectorizer.transform(TEXTS).toarray())


def test_the_hash_is_scikit_learns():
    words = ["", "a", "ab", "abc", "abcd", "日本語", "x" * 999, *(str(i) for i in range(500))]
    assert [word_hash(word) for word in words] == [murmurhash3_32(word.encode(), 0) for word in words]
    assert min(map(word_hash, words)) < 0


def test_the_metadata_of_a_graph_says_how_its_texts_are_read():
    vectorizer = CountVectorizer(stop_words=["the"]).fit(TEXTS)
    said = column(vectorizer, vocabulary=("a\x00", "naïve", "fox"))
    metadata = words_metadata([said], 3)
    assert (
        WordColumn(**{k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(metadata)["columns"][0].items()})
        == said
    )
    reader = word_reader({METADATA_KEY: metadata})
    assert reader is not None
    [(rows, inputs)] = reader.blocks(np.array([["the fox"], ["Fox naïve fox"], [""]], dtype=object))
    assert rows == slice(0, 3)
    np.testing.assert_array_equal(inputs["words0"], [[2, 0], [2, 1], [0, 0]])
    np.testing.assert_array_equal(inputs["counts0"], [[1, 0], [2, 1], [0, 0]])
    assert word_reader({}) is None


def test_one_long_text_does_not_widen_all_rows(monkeypatch):
    monkeypatch.setattr(word_counts, "CELLS", 20)
    reader = WordReader([column(CountVectorizer(analyzer="char"), vocabulary=tuple("abcdefghij"))])
    texts = ["ab", "abc", "a", "abcdefghij" * 9, "b", "c"]
    blocks = list(reader.blocks(np.array(texts, dtype=object)[:, None]))
    assert [(rows.start, rows.stop) for rows, _ in blocks] == [(0, 3), (3, 5), (5, 6)]
    assert [inputs["words0"].shape for _, inputs in blocks] == [(3, 3), (2, 10), (1, 1)]


def test_rows_that_a_graph_makes_wide_are_few_at_a_time(monkeypatch):
    monkeypatch.setattr(word_counts, "CELLS", 40)
    reader = WordReader([column(CountVectorizer(), vocabulary=("ab",))], dense=20)
    blocks = [rows for rows, _ in reader.blocks(np.array(["ab"] * 5, dtype=object)[:, None])]
    assert [(rows.start, rows.stop) for rows in blocks] == [(0, 2), (2, 4), (4, 5)]
    assert [rows for rows, _ in reader.blocks(np.empty((0, 1), dtype=object))] == [slice(0, 0)]
