"""scikit-learn with pandas, Parquet to Parquet: python pandas_batch.py PIPELINE INPUT OUTPUT [--checked].

As it is commonly written: the features vectorised by hand where that is easy, which implements them a second time, and
no check of the rows. With --checked it does what Seatrial does, and what the seed's own code did: Pydantic validates
each row, as a dictionary, against the schema before it is predicted.
"""

import sys

import joblib
import pandas as pd
from pandas_features import add_features, answers

from titanic_model.schema import Passenger


def main(pipeline: str, source: str, output: str, checked: str = "") -> None:
    """Read all rows, check them if requested, derive features, predict, write."""
    rows = pd.read_parquet(source)
    if checked:
        for record in rows.astype(object).where(rows.notna(), None).to_dict(orient="records"):
            Passenger.model_validate(record)
    scores = joblib.load(pipeline).predict_proba(add_features(rows))
    pd.DataFrame(answers(scores)).to_parquet(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
