"""What changed in the inputs: each column, named by its cause, and columns whose relation to the others broke."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.pages.words import percent
from seatrial.watch.causes import ColumnChanged, cause_of, confined_key
from seatrial.watch.changes import LookAt, ShareChange, find_change, joined_counts
from seatrial.watch.exchanged_columns import ColumnPairs
from seatrial.watch.input_tally import InputTally, SampleTally, logged
from seatrial.watch.join_findings import BrokenJoin, broken_join, join_finding
from seatrial.watch.longer_numbers import longer_numbers
from seatrial.watch.number_causes import ColumnCause
from seatrial.watch.release_reference import ColumnBins, ReleaseReference, number_values
from seatrial.watch.request_lags import lag_changes
from seatrial.watch.tallies import time_of
from seatrial.watch.watch_records import Finding, Level

MOST_BEFORE = 5_000  # values of a column as it was
MANY = 3  # columns that change together: then it is about the rows and not about each column
EXCHANGEABLE = ("missing", "moved", "range", "unit")  # kinds of causes that it looks like
OF_ROWS = ("unit", "stuck", "capped", "sentinel", "renamed", "filled_in", "new_category")
EXCHANGED = "and `{}` are exchanged: each has the other's values"
NEXT = "Look at where this column comes from. `seatrial log --since {since} --columns time,key,{column}` has the rows."
BACK = "If the source is right, train on it: `seatrial refresh`. Otherwise correct it there."


def input_findings(
    tally: InputTally, sample: SampleTally, reference: ReleaseReference, look: LookAt, alpha: float
) -> list[Finding]:
    """Find what changed in the inputs. `alpha` is what all columns together may spend."""
    tests = len(tally.bins) + len(tally.fits) + len(tally.lags) + len(tally.longer)
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
    longer = longer_numbers(tally, sample, reference, look, alpha, tests)
    shifted += [each for each in longer if each.bins.name not in changes]
    whole = [each for name, each in changes.items() if name not in known]
    pairs = ColumnPairs(sample, reference, look, (change for _, change in whole))
    caused = _exchanged([_copied(e, pairs) for e in _with_causes(whole, tally, sample, reference, look)], pairs)
    changed = sorted([*caused, *shifted], key=lambda each: each.rank)
    by_themselves = {*changes, *(each.bins.name for each in shifted), *(each.cause.other for each in changed)}
    join = broken_join(tally, sample, by_themselves, look, alpha, tests)
    if join is None:
        return _column_findings(changed, reference)
    share, _, other = ColumnPairs(sample, reference, look, [join.change]).exchanged(join.name)
    if other and other not in by_themselves:
        cause = ColumnCause("exchanged", EXCHANGED.format(other), np.zeros(0), 2.0, share, other)
        bins = next(each for each in tally.bins if each.name == join.name)
        return _column_findings([ColumnChanged(bins, join.change, cause, join.key), *changed], reference)
    return _column_findings(changed, reference, join)


def _with_causes(
    changes: Sequence[tuple[ColumnBins, ShareChange]],
    tally: InputTally,
    sample: SampleTally,
    reference: ReleaseReference,
    look: LookAt,
) -> list[ColumnChanged]:
    """Name the causes, from rows since the change, the newest window's at most."""
    found = []
    for bins, change in changes:
        begin = max(change.since or 0, look.last - look.hours + 1)
        table = sample.table(begin, look.last)
        past = _past(bins, change, tally, look)
        old = reference.columns[bins.name]
        old = _as_before(old, bins, past) if bins.form == "number" and past is not None else old
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
        cause = cause_of(bins, old, new, change, codes, past)
        keys = table["key"].to_pylist() if "key" in table.column_names else []
        key = confined_key(change.bins[codes], change.before, keys) if keys else ""
        found.append(ColumnChanged(bins, change, cause, key))
    return found


def _past(bins: ColumnBins, change: ShareChange, tally: InputTally, look: LookAt) -> Array | None:
    """The counts of a column's bins in the log before the change (size,), if there are more rows than held-out ones."""
    slots, by_hour = joined_counts(tally.counts[bins.name], "", look.last)
    counts = by_hour[slots < (change.since or 0)].sum(axis=0)
    return np.asarray(counts) if counts.sum() > sum(bins.expected) else None


def _as_before(values: Array, bins: ColumnBins, counts: Array) -> Array:
    """The held-out values, each as often as its bin was in the log before the change: these are more rows."""
    codes = bins.number_codes(values.astype(np.float64))
    wanted = np.minimum(counts.sum(), MOST_BEFORE) * counts / counts.sum()
    parts = []
    for k in range(bins.size):
        own = np.sort(values[codes == k])
        if len(own):
            parts.append(own[((np.arange(round(wanted[k])) + 0.5) * len(own) / max(round(wanted[k]), 1)).astype(int)])
    return np.concatenate(parts)


def _values(array: Any, bins: ColumnBins) -> Array:
    if bins.form == "number":
        return number_values(array)
    return np.array([None if value is None else str(value) for value in array.to_pylist()], dtype=object)


def _copied(each: ColumnChanged, pairs: ColumnPairs) -> ColumnChanged:
    """Say of a column that has the values of another one that it was copied, if that explains most of the change."""
    share, other = pairs.copied(each.bins.name)
    if not other or share < 0.5 * each.change.moved:
        return each
    words = f"has the values of `{other}`: one column was written to both"
    return replace(each, cause=ColumnCause("copied", words, np.zeros(0), 1.5, share))


def _exchanged(found: list[ColumnChanged], pairs: ColumnPairs) -> list[ColumnChanged]:
    """Say of two columns that have each other's values that they were exchanged; one of them may not be certain."""
    best: tuple[float, float, ColumnChanged, str] | None = None
    for one in found:
        if one.cause.kind in EXCHANGEABLE:
            share, gain, other = pairs.exchanged(one.bins.name, one.cause.apply)
            if other and (best is None or gain > best[0]):
                best = gain, share, one, other
    if best is None:
        return found
    _, share, one, other = best
    cause = replace(one.cause, kind="exchanged", words=EXCHANGED.format(other), certain=2.0, share=share, other=other)
    kept = [each for each in found if each is not one and each.bins.name != other]
    return [replace(one, cause=cause), *kept]


def _column_findings(
    changed: Sequence[ColumnChanged], reference: ReleaseReference, join: BrokenJoin | None = None
) -> list[Finding]:
    alarms = [each for each in changed if each.change.level == Level.alarm]
    joins = [join_finding(join, reference.version)] if join else []
    keys = [each.key for each in alarms if each.key] + ([join.key] * join.columns if join and join.key else [])
    key = max(keys, key=keys.count, default="")
    number = len(alarms) + (join.columns if join else 0)
    found = [_one(each, reference) for each in changed] + joins
    if number < MANY or keys.count(key) < 0.6 * number:
        return found
    first = max(found, key=lambda each: each.severity)
    names = [f"`{each.bins.name}`" for each in alarms] + ([f"`{join.name}`"] if join else [])
    share = max([each.change.moved for each in alarms] + ([join.share] if join else []))
    summary = (
        f"The client with the key `{key}` sends other rows than before{_words(first.since)}: {', '.join(names[:5])} "
        f"changed, and only in its requests; {percent(share)} of all requests."
    )
    hint = f"Ask who uses the key `{key}`. {BACK}"
    whole = replace(first, name="drift.client", subject=key, summary=summary, share=share, hint=hint)
    return [whole, *(replace(each, level=Level.noted) for each in found)]


def _one(each: ColumnChanged, reference: ReleaseReference) -> Finding:
    since, share = _since(each.change), each.change.moved
    if each.cause.kind in OF_ROWS and len(each.cause.rows):
        share = float(each.cause.rows.mean())
    share = each.cause.share or share
    where = f", all with the key `{each.key}`" if each.key else ""
    against = " (compared with the held-out rows)" if each.change.gross else ""
    of = "requests that are more or fewer" if each.cause.kind == "moved" and not each.cause.share else "requests"
    summary = f"`{each.bins.name}` {each.cause.words}{_words(since)}; {percent(share)} of {of}{where}{against}."
    return replace(_finding(each.cause.kind, each, reference, summary), share=share)


def _finding(kind: str, each: ColumnChanged, reference: ReleaseReference, summary: str) -> Finding:
    since = _since(each.change)
    log = NEXT.format(since=f"{since:%Y-%m-%dT%H:%M}" if since else "7d", column=each.bins.name)
    own = len(each.change.bins) == each.bins.size  # and not bins of lags, or of decimals
    marked = [each.bins.names[k] for k in np.flatnonzero(each.change.bins)] if own else []
    evidence: Mapping[str, Any] = {
        **({"bins": marked if len(marked) <= 5 else [marked[0], "...", marked[-1]]} if marked else {}),
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
