"""The seed's way: FastAPI, and for each request a DataFrame, the feature functions, and scikit-learn's pipeline."""

import os
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

from titanic_model import features
from titanic_model.schema import Passenger

pipeline = joblib.load(os.environ["PIPELINE"])
app = FastAPI()


class Inputs(BaseModel):
    """The seed's request format."""

    inputs: list[Passenger]


def to_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Derive the features in the usual pandas style."""
    rows["title"] = rows["name"].map(features.title)
    rows["deck"] = rows["cabin"].map(features.deck, na_action="ignore")
    rows["family_size"] = 1 + rows["sibsp"] + rows["parch"]
    rows["fare_per_head"] = rows["fare"].astype(float) / rows["family_size"]
    rows["age"] = rows["age"].astype(float)
    for name in ("sex", "title", "deck", "embarked"):
        rows[name] = rows[name].fillna("").astype(object)
    return rows


@app.post("/api/v1/predict")
def predict(request: Inputs) -> dict[str, Any]:
    """Predict, and answer as the seed did, with the probabilities added."""
    scores = pipeline.predict_proba(to_frame(pd.DataFrame([row.model_dump() for row in request.inputs])))
    return {
        "predictions": [int(label) for label in scores[:, 1] >= 0.5],
        "probabilities": [{"0": float(no), "1": float(yes)} for no, yes in scores],
        "version": "0.1.0",
    }
