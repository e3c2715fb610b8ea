"""Boosted trees of XGBoost, LightGBM and CatBoost, read from the form in which each library saves a model.

What comes in is a fitted estimator of one of the libraries, found by its class's name, since an import costs a second.
What goes out are nodes of the graph. A file for each library; none of them imports it to convert a model.
"""

from seatrial.compile.boosters.booster import (
    ROUNDING,
    Booster,
    DecidingBooster,
    booster_of,
    is_booster,
    library_title,
)

__all__ = ["ROUNDING", "Booster", "DecidingBooster", "booster_of", "is_booster", "library_title"]
