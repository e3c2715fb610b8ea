"""Text vectorizers: Python counts the words (model/word_counts.py), and the graph does the rest.

The words of a text are few among those that are known, so they stay numbers of words and their counts as long as no
step needs all columns.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.feature_extraction import text

from seatrial.compile.graph import DOUBLE, Bag, Graph, Matrix, Refused
from seatrial.compile.preprocessing import unit_rows
from seatrial.model.word_counts import WordColumn

OWN_CODE = ("preprocessor", "tokenizer")


def count_vectorizer(vectorizer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert to the number of times that each known word occurs."""
    numbers = vectorizer.vocabulary_
    vocabulary = tuple(sorted(numbers, key=numbers.__getitem__))
    return graph.bag(_words(vectorizer, matrix, graph, vocabulary=vocabulary))


def tfidf_vectorizer(vectorizer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert to counts that are weighted by how rare a word is."""
    if np.dtype(vectorizer.dtype) != np.float64:
        raise Refused(f"it computes in {np.dtype(vectorizer.dtype)}; leave its dtype out")
    return tfidf_transformer(vectorizer._tfidf, count_vectorizer(vectorizer, matrix, graph), graph)


def hashing_vectorizer(vectorizer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert to the counts of hashes."""
    bag = _words(vectorizer, matrix, graph, hashed=vectorizer.n_features, signed=vectorizer.alternate_sign)
    if vectorizer.norm is not None:
        bag = replace(bag, values=unit_rows(bag.values, vectorizer.norm, graph))
    return graph.bag(bag)


def tfidf_transformer(transformer: Any, matrix: Matrix, graph: Graph) -> Matrix:
    """Convert the weights by rarity and the norm of counts, whether they are a text's words or ordinary columns."""
    bag = graph.bag_of(matrix)
    values = graph.numbers(matrix) if bag is None else bag.values
    if transformer.sublinear_tf:
        present = graph.add("Greater", values, graph.constant(0.0))
        logarithm = graph.add("Log", graph.add("Where", present, values, graph.constant(1.0)))
        # 1 more for each word that there is, 0 for the others, whose logarithm is 0 already
        values = graph.add("Add", logarithm, graph.add("Cast", present, to=DOUBLE))
    if transformer.use_idf:
        rarity = graph.constant(transformer.idf_)
        values = graph.add("Mul", values, rarity if bag is None else graph.add("Gather", rarity, bag.words))
    if transformer.norm is not None:
        values = unit_rows(values, transformer.norm, graph)
    if bag is None:
        return graph.matrix(values, matrix.width)
    return graph.bag(Bag(bag.words, values, bag.width))


def _words(vectorizer: Any, matrix: Matrix, graph: Graph, **numbered: Any) -> Bag:
    """Add the counts of the words that a vectorizer finds in its one column of texts."""
    if matrix.width != 1 or not matrix.cells[0].text:
        raise Refused("it takes one column of strings")
    if callable(vectorizer.analyzer) or callable(vectorizer.strip_accents):
        raise Refused("it takes texts apart with a Python function of its own")
    for name in OWN_CODE:
        if getattr(vectorizer, name) is not None:
            raise Refused(f"its {name} is a Python function")
    if vectorizer.input != "content":
        raise Refused(f"it reads its texts from a {vectorizer.input}")
    if np.dtype(vectorizer.dtype) not in (np.int64, np.float64):
        raise Refused(f"it counts in {np.dtype(vectorizer.dtype)}; leave its dtype out")
    shortest, longest = vectorizer.ngram_range
    return graph.words_of(
        WordColumn(
            matrix.cells[0].position,
            vectorizer.analyzer,
            vectorizer.lowercase,
            vectorizer.strip_accents or "",
            vectorizer.token_pattern or "",
            int(shortest),
            int(longest),
            tuple(sorted(vectorizer.get_stop_words() or ())),
            binary=vectorizer.binary,
            **numbered,
        )
    )


TRANSFORMERS = {
    text.CountVectorizer: count_vectorizer,
    text.HashingVectorizer: hashing_vectorizer,
    text.TfidfTransformer: tfidf_transformer,
    text.TfidfVectorizer: tfidf_vectorizer,
}
