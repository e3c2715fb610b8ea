"""The estimator. It may be any scikit-learn pipeline; what `seatrial train` prints says whether it compiles."""

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

AGE = ["age"]
NUMBERS = ["fare_per_head", "family_size"]
CATEGORIES = ["pclass", "sex", "title", "deck", "embarked"]


def build() -> Pipeline:
    """Make the unfitted pipeline; a missing number reaches it as NaN, a missing string as an empty one."""
    # That an age is unknown says something, since many are; of the fares only one is, so that nothing could be learnt.
    age = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", min_frequency=10)
    columns = ColumnTransformer(
        [("age", age, AGE), ("numbers", numbers, NUMBERS), ("categories", categories, CATEGORIES)]
    )
    return Pipeline([("columns", columns), ("model", LogisticRegression(C=1.0, max_iter=1000))])
