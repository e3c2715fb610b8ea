"""Reads what a CatBoost model counted for categories, and finds the combinations of its hashes in the training rows."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.compile.boosters.cat_columns import CatColumn
from seatrial.compile.boosters.category_statistics import Above, Categories, Is, Statistics
from seatrial.compile.graph import Refused
from seatrial.compile.single import rounded_threshold
from seatrial.model.features import Array, Floats

MULTIPLIER = np.uint64(0x4906BA494954CB65)  # of CatBoost's hash of a combination
EMPTY = np.uint64(2**64 - 1)  # the hash of a place in a table that has no entry
KEYS = 2**53  # whole numbers up to this are exact in double
COUNTERS = ("Counter", "FeatureFreq")
MEANS = ("BinarizedTargetMeanValue", "FloatTargetMeanValue")
TYPES = ("Borders", "Buckets", *COUNTERS, *MEANS)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class _Fact:
    """A part of a combination: its place among all facts, how many values it has, its value in each training row."""

    place: int
    size: int
    values: Array
    hashed: Hashes


def above_all(feature: dict[str, Any]) -> bool:
    """Whether NaN is above every border of a number; CatBoost ignores the setting where training saw no NaN."""
    return bool(feature["has_nans"]) and feature["nan_value_treatment"] == "AsTrue"


def read_categories(saved: dict[str, Any], columns: list[CatColumn], rows: Any) -> Categories:
    """Read what a model in JSON asks about categories. Raises Refused where no training row explains an entry."""
    features = saved["features_info"]
    places = {column.position: place for place, column in enumerate(columns)}
    cats = {
        int(each["feature_index"]): places[int(each["flat_feature_index"])]
        for each in features.get("categorical_features") or []
    }
    equal: dict[tuple[int, int], Is] = {}
    for each in features.get("categorical_features") or []:
        for value in each.get("values") or []:
            place = cats[int(each["feature_index"])]
            equal[int(each["feature_index"]), int(value)] = Is(place, columns[place].code_of(int(value)))
    ctrs = features.get("ctrs") or []
    above = _above(ctrs, {int(each["feature_index"]): each for each in features.get("float_features") or []})
    facts = _Facts(tuple(columns), cats, above, equal, rows)
    borders = [np.array([0.5])] * len(equal)
    borders += [np.asarray(each["borders"], dtype=np.float32).astype(np.float64) for each in ctrs]
    statistics, defaults = _statistics(saved, ctrs, facts) if ctrs else (None, np.empty(0))
    missing = np.concatenate([np.zeros(len(equal)), defaults])
    return Categories(tuple(columns), tuple(above.values()), tuple(equal.values()), statistics, tuple(borders), missing)


def _above(ctrs: list[dict[str, Any]], numbers: dict[int, dict[str, Any]]) -> dict[tuple[int, float], Above]:
    """The questions about numbers in all combinations, by CatBoost's number of the feature and its border."""
    asked: dict[tuple[int, float], Above] = {}
    for ctr in ctrs:
        for element in ctr["elements"]:
            if element["combination_element"] == "float_feature":
                feature, border = int(element["float_feature_index"]), float(np.float32(element["border"]))
                position = int(numbers[feature]["flat_feature_index"])
                exact = float(rounded_threshold(np.array([border]))[0])
                asked[feature, border] = Above(position, exact, above_all(numbers[feature]))
    return asked


@dataclass(frozen=True)
class _Facts:
    """The facts about a row that combinations consist of: codes, then answers about numbers, then about categories."""

    columns: tuple[CatColumn, ...]
    cats: dict[int, int]
    above: dict[tuple[int, float], Above]
    equal: dict[tuple[int, int], Is]
    rows: Any

    def of(self, element: dict[str, Any]) -> _Fact:
        """Return the fact that is an element of a combination."""
        kind = element["combination_element"]
        start = len(self.columns)
        if kind == "cat_feature_value":
            place = self.cats[int(element["cat_feature_index"])]
            column = self.columns[place]
            hashed = column.hashes[column.codes].astype(np.uint64)  # CatBoost extends the sign
            return _Fact(place, len(column.hashes), column.codes, hashed)
        if kind == "float_feature":
            key = int(element["float_feature_index"]), float(np.float32(element["border"]))
            place, values = start + list(self.above).index(key), self._is_above(self.above[key])
        else:
            one = int(element["cat_feature_index"]), int(element["value"])
            asked = self.equal[one]
            place = start + len(self.above) + list(self.equal).index(one)
            values = (self.columns[asked.column].codes == asked.code).astype(np.int64)
        return _Fact(place, 2, values, values.astype(np.uint64))

    def _is_above(self, asked: Above) -> Array:
        rows = self.rows
        column = rows.iloc[:, asked.position] if hasattr(rows, "iloc") else rows[:, asked.position]
        numbers = np.asarray(column, dtype=np.float64)
        above: Array = ((numbers > asked.border) | (np.isnan(numbers) & asked.missing)).astype(np.int64)
        return above

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.columns) + len(self.above) + len(self.equal)


def _statistics(saved: dict[str, Any], ctrs: list[dict[str, Any]], facts: _Facts) -> tuple[Statistics, Floats]:
    """Return the statistics, and the default of each."""
    _refuse_ambiguous(saved["model_info"]["params"])
    weights = np.zeros((facts.count, len(ctrs)))
    starts, keys, values = [0], [], []
    defaults = np.zeros(len(ctrs))
    combinations: dict[str, tuple[list[_Fact], Hashes, Floats]] = {}
    for number, ctr in enumerate(ctrs):
        name = repr(ctr["elements"])
        if name not in combinations:
            parts = [facts.of(element) for element in ctr["elements"]]
            combinations[name] = (parts, *_distinct(parts))
        parts, hashes, key = combinations[name]
        for part, weight in zip(parts, _places([part.size for part in parts]), strict=True):
            weights[part.place, number] = weight
        entries, found, defaults[number] = _entries(ctr, saved["ctr_data"][ctr["identifier"]], hashes)
        keys.append(key[entries] + starts[-1])
        values.append(found)
        starts.append(starts[-1] + prod(part.size for part in parts))
        if starts[-1] > KEYS:
            raise Refused("its combinations of cat_features have too many values; set max_ctr_complexity to 1 or 2")
    first = np.array(starts[:-1], dtype=np.float64)
    return Statistics(weights, first, np.concatenate(keys), np.concatenate(values)), defaults


def _refuse_ambiguous(params: dict[str, Any]) -> None:
    """Raise Refused where the JSON has one table for two: it does not say by which division of the target."""
    settings = params.get("cat_feature_params") or {}
    lists = [settings.get("simple_ctrs"), settings.get("combinations_ctrs")]
    lists += (settings.get("per_feature_ctrs") or {}).values()
    for described in lists:
        divisions: dict[str, set[str]] = {}
        for each in described or []:
            divisions.setdefault(each["ctr_type"], set()).add(repr(each.get("target_binarization")))
        if any(len(each) > 1 for each in divisions.values()):
            raise Refused("it has one type of ctr with several TargetBorderCount, which its saved form does not tell")


def _places(sizes: list[int]) -> list[int]:
    """What a digit is worth in a number of digits with these numbers of values."""
    return [prod(sizes[place + 1 :]) for place in range(len(sizes))]


def _distinct(parts: list[_Fact]) -> tuple[Hashes, Floats]:
    """The distinct combinations in the training rows: CatBoost's hashes in ascending order, and their keys."""
    hashed = np.zeros(len(parts[0].values), dtype=np.uint64)
    for part in parts:
        hashed = MULTIPLIER * (hashed + MULTIPLIER * part.hashed)  # modulo 2^64
    hashes, first = np.unique(hashed, return_index=True)
    places = _places([part.size for part in parts])
    keys: Floats = sum(
        (float(place) * part.values[first] for place, part in zip(places, parts, strict=True)), np.zeros(len(first))
    )
    return hashes, keys


def _entries(ctr: dict[str, Any], table: dict[str, Any], hashes: Hashes) -> tuple[Array, Floats, float]:
    """Which of the hashes have an entry in a table, the statistic of each, and that of all others."""
    if ctr["ctr_type"] not in TYPES:
        raise Refused(f"its statistic {ctr['ctr_type']} is not supported")
    stride, content = int(table["hash_stride"]), table["hash_map"] or []
    saved = np.array([int(each) for each in content[::stride]], dtype=np.uint64)
    counts = np.array([content[i::stride] for i in range(1, stride)], dtype=np.float64)
    saved, counts = saved[saved != EMPTY], counts[:, saved != EMPTY]
    at = np.minimum(np.searchsorted(hashes, saved), len(hashes) - 1)
    unexplained = int((hashes[at] != saved).sum())
    if unexplained:
        raise Refused(f"{unexplained:,} entries of its statistics of categories are of no row of its table")
    denominator = int(table["counter_denominator"])
    nothing = np.float32(denominator if ctr["ctr_type"] in COUNTERS else 0)
    default = float(_statistic(ctr, np.float32(0), nothing))
    return at, _statistic(ctr, *_counted(ctr, counts, denominator)).astype(np.float64), default


def _counted(ctr: dict[str, Any], counts: Floats, denominator: int) -> tuple[Array, Array]:
    """For each entry, what a statistic divides by what, without the prior; `counts` are (numbers, entries)."""
    kind, target = ctr["ctr_type"], int(ctr["target_border_idx"])
    if kind in COUNTERS:
        good, total = counts[0], np.full(counts.shape[1], denominator)
    elif kind in MEANS:
        good, total = counts
    else:
        good = counts[target] if kind == "Buckets" else counts[target + 1 :].sum(axis=0)
        total = counts.sum(axis=0)
    return good.astype(np.float32), total.astype(np.float32)


def _statistic(ctr: dict[str, Any], good: Any, total: Any) -> Any:
    """Compute it in float32, as CatBoost does."""
    numerator, denominator, shift, scale = (
        np.float32(ctr[name]) for name in ("prior_numerator", "prior_denomerator", "shift", "scale")
    )
    return ((good + numerator) / (total + denominator) + shift) * scale
