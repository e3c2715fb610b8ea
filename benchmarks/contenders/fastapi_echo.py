"""A bare FastAPI application: a Pydantic model in, a constant out. What FastAPI costs without any model."""

from fastapi import FastAPI
from pydantic import BaseModel


class Passenger(BaseModel):
    """A row, without rules."""

    pclass: int
    name: str
    sex: str
    age: float | None = None
    sibsp: int = 0
    parch: int = 0
    ticket: str | None = None
    fare: float | None = None
    cabin: str | None = None
    embarked: str | None = None


app = FastAPI()


@app.post("/api/v1/predict")
def predict(passenger: Passenger) -> dict[str, object]:
    """Answer with what looks like a prediction."""
    return {"predictions": [1], "probabilities": [{"0": 0.1, "1": 0.9}], "name": passenger.name}
