"""scikit-learn with pandas, Parquet to Parquet: python pandas_batch.py PIPELINE INPUT OUTPUT."""

import sys

import joblib
import pandas as pd

from titanic_model import features


def main(pipeline: str, source: str, output: str) -> None:
    """Read all, derive, predict, write."""
    rows = pd.read_parquet(source)
    rows["title"] = rows["name"].map(features.title)
    rows["deck"] = rows["cabin"].map(features.deck, na_action="ignore")
    rows["family_size"] = 1 + rows["sibsp"] + rows["parch"]
    rows["fare_per_head"] = rows["fare"] / rows["family_size"]
    for name in ("sex", "title", "deck", "embarked"):
        rows[name] = rows[name].astype(object).fillna("")
    scores = joblib.load(pipeline).predict_proba(rows)
    answer = pd.DataFrame({"prediction": (scores[:, 1] >= 0.5).astype(int)})
    answer["probability_0"], answer["probability_1"] = scores[:, 0], scores[:, 1]
    answer.to_parquet(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
