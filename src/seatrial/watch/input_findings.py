"""What changed in the inputs: each column, named by its cause, and columns whose relation to the others broke."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import percent
from seatrial.watch.causes import ColumnChanged, cause_of, confined_key, exchanged
from seatrial.watch.changes import LookAt, ShareChange, find_change, joined_counts
from seatrial.watch.input_tally import InputTally, SampleTally, logged
from seatrial.watch.join_findings import join_findings
from seatrial.watch.number_causes import ColumnCause
from seatrial.watch.release_reference import FEW_VALUES, ColumnBins, ReleaseReference
from seatrial.watch.request_lags import lag_changes
from seatrial.watch.tallies import time_of
from seatrial.watch.watch_records import Finding, Level

MANY = 3  # columns that change together: then it is about the rows and not about each column
NEXT = "Look at where this column comes from. `seatrial log --since {since} --columns time,key,{column}` has the rows."
BACK = "If the source is right, train on it: `seatrial refresh`. Otherwise correct it there."


def input_findings(
    tally: InputTally, sample: SampleTally, reference: ReleaseReference, look: LookAt, alpha: float
) -> list[Finding]:
    """Find what changed in the inputs. `alpha` is what all columns together may spend."""
    tests = len(tally.bins) + len(tally.fits) + len(tally.lags)
    changes: dict[str, tuple[ColumnBins, ShareChange]] = {}
    for bins in tally.bins:
        found = find_change(
            joined_counts(tally.counts[bins.name], "", look.last),
            look,
            alpha,
            tests,
            expected=None if bins.form == "moment" else bins.expected,
            ordered=bins.form != "text",
            hourly=bins.form != "moment",
            first=1,
            faulty=[k for k in range(bins.size) if bins.faulty(k)],
        )
        if found is not None:
            changes[bins.name] = bins, found
    shifted = lag_changes(tally, look, alpha, tests)
    known = {each.bins.name for each in shifted}
    whole = [each for name, each in changes.items() if name not in known]
    changed = sorted([*_with_causes(whole, sample, reference, look), *shifted], key=lambda each: each.rank)
    findings = _column_findings(changed, reference)
    by_themselves = {*changes, *known, *(each.cause.other for each in changed)}
    return [*findings, *join_findings(tally, by_themselves, look, alpha, tests, reference.version)]


def _with_causes(
    changes: Sequence[tuple[ColumnBins, ShareChange]], sample: SampleTally, reference: ReleaseReference, look: LookAt
) -> list[ColumnChanged]:
    """Name the causes, from rows since the change, the newest window's at most."""
    found = []
    for bins, change in changes:
        begin = max(change.since or 0, look.last - look.hours + 1)
        table = sample.table(begin, look.last)
        old = reference.columns[bins.name]
        array = None if table is None else logged(table, bins)
        if table is None or array is None:
            marked = [bins.names[k] for k in np.flatnonzero(change.bins)[:2]]
            found.append(
                ColumnChanged(
                    bins, change, ColumnCause("moved", f"is {' or '.join(marked)} at another rate", np.zeros(0))
                )
            )
            continue
        new, codes = _values(array, bins), bins.codes(array)
        cause = cause_of(bins, old, new, change, codes)
        keys = table["key"].to_pylist() if "key" in table.column_names else []
        key = confined_key(change.bins[codes], change.before, keys) if keys else ""
        found.append(ColumnChanged(bins, change, cause, key))
    return sorted(_exchanged(found, sample, reference, look), key=lambda each: each.rank)


def _values(array: Any, bins: ColumnBins) -> Array:
    if bins.form == "number":
        import pyarrow as pa

        return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.array([None if value is None else str(value) for value in array.to_pylist()], dtype=object)


def _exchanged(
    found: list[ColumnChanged], sample: SampleTally, reference: ReleaseReference, look: LookAt
) -> list[ColumnChanged]:
    """Say of two columns that have each other's values that they were exchanged; one of them may not be certain."""
    table = sample.table(look.last - look.hours + 1, look.last)
    numbers = [each for each in reference.bins if each.form == "number" and len(each.edges) > FEW_VALUES]
    if table is None:
        return found
    values = {}
    for bins in numbers:
        array = logged(table, bins)
        if array is not None and array.null_count < len(array):
            values[bins.name] = reference.columns[bins.name].astype(float), _values(array, bins)
    for one in found:
        if one.bins.name not in values or one.cause.kind not in ("moved", "range", "unit"):
            continue
        for name, other in values.items():
            share = exchanged(values[one.bins.name], other) if name != one.bins.name else 0.0
            if share:
                words = f"and `{name}` are exchanged: each has the other's values"
                cause = replace(one.cause, kind="exchanged", words=words, certain=2.0, share=share, other=name)
                kept = [each for each in found if each is not one and each.bins.name != name]
                return [replace(one, cause=cause), *kept]
    return found


def _column_findings(changed: Sequence[ColumnChanged], reference: ReleaseReference) -> list[Finding]:
    alarms = [each for each in changed if each.change.level == Level.alarm]
    keys = [each.key for each in alarms if each.key]
    key = max(keys, key=keys.count, default="")
    if len(alarms) >= MANY and keys.count(key) >= 0.6 * len(alarms):
        first = alarms[0]
        names = ", ".join(f"`{each.bins.name}`" for each in alarms[:5])
        since = _since(first.change)
        summary = (
            f"The client with the key `{key}` sends other rows than before{_words(since)}: {names} changed, "
            f"and only in its requests; {percent(max(each.change.moved for each in alarms))} of all requests."
        )
        whole = _finding("client", first, reference, summary)
        rest = [replace(_one(each, reference), level=Level.noted) for each in changed]
        return [replace(whole, subject=key, hint=f"Ask who uses the key `{key}`. {BACK}"), *rest]
    return [_one(each, reference) for each in changed]


def _one(each: ColumnChanged, reference: ReleaseReference) -> Finding:
    since, share = _since(each.change), each.change.moved
    if each.cause.kind in ("unit", "stuck", "capped", "sentinel", "renamed", "new_category") and len(each.cause.rows):
        share = float(each.cause.rows.mean())
    share = each.cause.share or share
    where = f", all with the key `{each.key}`" if each.key else ""
    against = " (compared with the held-out rows)" if each.change.gross else ""
    of = "requests that are more or fewer" if each.cause.kind == "moved" else "requests"
    summary = f"`{each.bins.name}` {each.cause.words}{_words(since)}; {percent(share)} of {of}{where}{against}."
    return replace(_finding(each.cause.kind, each, reference, summary), share=share)


def _finding(kind: str, each: ColumnChanged, reference: ReleaseReference, summary: str) -> Finding:
    since = _since(each.change)
    log = NEXT.format(since=f"{since:%Y-%m-%dT%H:%M}" if since else "7d", column=each.bins.name)
    marked = [each.bins.names[k] for k in np.flatnonzero(each.change.bins)]
    evidence: Mapping[str, Any] = {
        "bins": marked if len(marked) <= 5 else [marked[0], "...", marked[-1]],
        "against": "the held-out rows" if each.change.gross else "the windows before",
        **({"key": each.key} if each.key else {}),
    }
    return Finding(
        f"drift.{kind}", "drift", each.change.level, summary, reference.version, each.bins.name, since,
        each.change.moved, each.change.before, each.change.after, each.change.log_p,
        severity=each.cause.certain * 100 + min(-each.change.log_p, 700) / 10, hint=f"{log} {BACK}", evidence=evidence,
    )  # fmt: skip


def _since(change: ShareChange) -> datetime | None:
    return None if change.since is None else time_of(change.since)


def _words(since: datetime | None) -> str:
    return f" since {since:%A, %d %B, %H:%M} UTC" if since else ""
