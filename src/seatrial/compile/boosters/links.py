"""From sums of leaves to scores, and how far scores that were computed in single precision can be from these.

Links: "identity", "exp", "sigmoid" (for classes: of the second of two), "softmax" (of a sum for each class).
"""

import numpy as np

from seatrial.model.features import Floats

HALF_ULP = 2.0**-24  # the relative error of one float32 operation
# A float32 sigmoid or exp: 2^-23 of expf, two roundings of 2^-24, and for classes one of 1 - p.
EXPF = 2.0**-22


def scores_of(sums: Floats, link: str, classifies: bool) -> Floats:
    """Apply a link to sums (n, groups): probabilities (n, classes), or predictions (n,)."""
    from scipy.special import expit, softmax

    if link == "softmax":
        scores: Floats = softmax(sums, axis=1)
    elif link == "sigmoid":
        scores = np.column_stack([expit(-sums), expit(sums)]) if classifies else expit(sums[:, 0])
    else:
        scores = np.exp(sums[:, 0]) if link == "exp" else sums[:, 0]
    return scores


def bounds_of(sums: Floats, errors: Floats, link: str, classifies: bool) -> Floats:
    """How far float32 scores can be from `scores_of`, in its shape, if their sums are off by `errors` (n, groups).

    The slope of a sigmoid is at most 1/4, that of exp is its value. Of softmax, the derivatives of a probability by all
    sums add up to at most 1/2 in absolute value. Its exponents are rounded too, by 2^-24 of the distance d to the
    largest: that moves p by at most p d, which is at most 1/e, and the sum of all p d, which is at most log k.
    """
    if link == "softmax":
        largest = np.expm1(2 * errors.max(axis=1, keepdims=True)) / 4
        return np.broadcast_to(largest + (2 + np.log(sums.shape[1])) * EXPF, sums.shape)
    error = errors[:, 0]
    if link == "sigmoid":
        bound = error / 4 + EXPF
        return np.column_stack([bound, bound]) if classifies else bound
    bounds: Floats = np.exp(sums[:, 0]) * (np.expm1(error) + EXPF) if link == "exp" else error
    return bounds
