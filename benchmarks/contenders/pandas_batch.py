"""scikit-learn with pandas, Parquet to Parquet: python pandas_batch.py PIPELINE INPUT OUTPUT [--checked].

As it is commonly written: the features vectorised by hand where that is easy, which implements them a second time, and
no check of the rows. With --checked it does what Seatrial does, and what the seed's own code did: Pydantic validates
each row, as a dictionary, against the schema before it is predicted.
"""

import sys

import joblib
import pandas as pd

from titanic_model import features
from titanic_model.schema import Passenger


def main(pipeline: str, source: str, output: str, checked: str = "") -> None:
    """Read all rows, check them if requested, derive features, predict, write."""
    rows = pd.read_parquet(source)
    if checked:
        for record in rows.astype(object).where(rows.notna(), None).to_dict(orient="records"):
            Passenger.model_validate(record)
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
