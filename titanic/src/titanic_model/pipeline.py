"""The estimator: any scikit-learn pipeline. `seatrial train` reports whether it compiles."""

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

AGE = ["age"]
NUMBERS = ["fare_per_head", "family_size"]
CATEGORIES = ["pclass", "sex", "title", "deck", "embarked"]


def build() -> Pipeline:
    """Build the unfitted pipeline. A missing number arrives as NaN, a missing string as an empty one."""
    # Many ages are missing, and that is informative; only one fare is, from which nothing can be learned.
    age = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", min_frequency=10)
    columns = ColumnTransformer(
        [("age", age, AGE), ("numbers", numbers, NUMBERS), ("categories", categories, CATEGORIES)]
    )
    return Pipeline([("columns", columns), ("model", LogisticRegression(C=1.0, max_iter=1000))])
