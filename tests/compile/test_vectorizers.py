"""Texts within pipelines: every vectorizer, before each kind of model, equal to scikit-learn's scores."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler
from tests.compile.cases import BINARY, FRAME, INPUTS, NUMBERS, SimpleImputer, compile_case

from seatrial.compile import graph
from seatrial.compile.converter import compile_pipeline
from seatrial.core.errors import CompileError
from seatrial.model.engines import GraphEngine

LINEAR = LogisticRegression(max_iter=300)
LETTERS = TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
WORD = {"token_pattern": r"(?u)\b\w+\b"}
OTHERS = [
    ("n", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
    ("c", OneHotEncoder(handle_unknown="ignore"), ["port"]),
]


def texts(vectorizer, model=LINEAR, *, others=()):
    return make_pipeline(ColumnTransformer([("t", vectorizer, "deck"), *others]), model)


BOTH = FeatureUnion([("w", CountVectorizer(**WORD, ngram_range=(1, 2))), ("l", CountVectorizer(analyzer="char"))])
CASES = {
    "counts": (texts(CountVectorizer(**WORD)), "multiclass"),
    "weights": (texts(TfidfVectorizer(**WORD, smooth_idf=False)), "binary"),
    "letters": (texts(LETTERS), "binary"),
    "parts of words": (texts(TfidfVectorizer(analyzer="char_wb", sublinear_tf=True), MultinomialNB()), "multiclass"),
    "hashes": (texts(HashingVectorizer(n_features=64, analyzer="char")), "multiclass"),
    "plain hashes": (texts(HashingVectorizer(norm=None, n_features=5), Ridge(), others=OTHERS), "regression"),
    "with numbers and categories": (texts(TfidfVectorizer(**WORD), others=OTHERS), "binary"),
    "weighted later": (texts(make_pipeline(CountVectorizer(**WORD), TfidfTransformer(norm="l1")), ComplementNB()), "binary"),
    "best of two kinds": (texts(make_pipeline(BOTH, TfidfTransformer(), SelectKBest(chi2, k=8))), "binary"),
    "hinge of scaled": (
        make_pipeline(
            ColumnTransformer([("t", CountVectorizer(analyzer="char"), "deck"), *OTHERS]),
            MaxAbsScaler(),
            SGDClassifier(loss="log_loss", random_state=0),
        ),
        "binary",
    ),
    "components": (texts(make_pipeline(LETTERS, TruncatedSVD(3, random_state=0))), "binary"),
    "trees": (texts(CountVectorizer(**WORD, binary=True), RandomForestClassifier(5, random_state=0)), "multiclass"),
    "network": (texts(LETTERS, MLPClassifier((5,), max_iter=20, random_state=0), others=OTHERS), "binary"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", CASES)
def test_texts_compile(name):
    pipeline, task = CASES[name]
    assert b"words0" in compile_case(pipeline, task, rows=300).graph


def test_hashes_that_no_training_row_has_take_no_place():
    compiled = compile_case(texts(HashingVectorizer(n_features=2**16, analyzer="char")), rows=300)
    assert len(compiled.graph) < 10_000


def test_texts_of_any_number_and_length_are_scored_together():
    pipeline = texts(LETTERS, others=OTHERS).fit(FRAME, BINARY)
    engine = GraphEngine(compile_pipeline(pipeline, INPUTS))
    rows = FRAME.iloc[:30].copy()
    rows["deck"] = ["A" * length + "é B\n" for length in range(30)]
    rows.loc[7, "deck"] = "AB C" * 200_000
    numbers, strings = rows[list(INPUTS.numbers)].to_numpy(), rows[list(INPUTS.strings)].to_numpy(dtype=object)
    np.testing.assert_allclose(engine(numbers, strings), pipeline.predict_proba(rows), rtol=0, atol=1e-12)
    assert engine(numbers[:0], strings[:0]).shape == (0, 2)


REFUSED = {
    "its tokenizer is a Python function": CountVectorizer(tokenizer=str.split, token_pattern=None),
    "its preprocessor is a Python function": TfidfVectorizer(preprocessor=str.lower, **WORD),
    "a Python function of its own": CountVectorizer(analyzer=str.split),
    "it computes in float32": TfidfVectorizer(dtype=np.float32, **WORD),
    "it counts in float32": CountVectorizer(dtype=np.float32, **WORD),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_exact_is_refused(reason):
    pipeline = texts(REFUSED[reason]).fit(FRAME, BINARY)
    with pytest.raises(CompileError, match=reason):
        compile_pipeline(pipeline, INPUTS)


def test_more_words_than_a_row_may_have_are_refused_where_all_are_needed(monkeypatch):
    monkeypatch.setattr(graph, "DENSE_LIMIT", 3)
    trees = texts(CountVectorizer(**WORD), RandomForestClassifier(2, random_state=0)).fit(FRAME, BINARY)
    with pytest.raises(CompileError, match=r"it reads 9 words as columns, and at most 3 compile"):
        compile_pipeline(trees, INPUTS)
    compile_pipeline(texts(CountVectorizer(**WORD)).fit(FRAME, BINARY), INPUTS)


def test_onnxruntime_lower_cases_by_locale():
    """Why Python counts: in the only locale that every machine has, letters beyond ASCII stay as they are."""
    node = helper.make_node("StringNormalizer", ["text"], ["lower"], case_change_action="LOWER", locale="C")
    given, made = (helper.make_tensor_value_info(name, TensorProto.STRING, [None]) for name in ("text", "lower"))
    model = helper.make_model(
        helper.make_graph([node], "lower", [given], [made]), opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    lower = session.run(None, {"text": np.array(["ABC", "ÉÀ"], dtype=object)})[0].tolist()
    assert lower == ["abc", "ÉÀ"]
    assert [text.lower() for text in ("ABC", "ÉÀ")] == ["abc", "éà"]
