"""Made-up tables, each for something that the real ones lack. All of them have a signal, and noise."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CITIES = [f"{kind} {place}" for kind in ("North", "South", "East", "West") for place in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _csv(frame: pd.DataFrame, path: Path, **options: Any) -> str:
    frame.to_csv(path, index=False, **options)
    return str(path)


def few(folder: Path) -> str:
    """20 rows."""
    draw = _generator(1)
    hours = draw.uniform(0, 9, 20).round(1)
    late = np.where(hours + draw.normal(0, 1, 20) > 4.5, "yes", "no")
    return _csv(
        pd.DataFrame({"hours": hours, "shift": draw.choice(["day", "night"], 20), "late": late}), folder / "few.csv"
    )


def narrow(folder: Path) -> str:
    """3 columns, and amounts with a currency sign."""
    draw = _generator(2)
    size = draw.uniform(20, 200, 5000).round()
    price = size * 31 + draw.normal(0, 300, 5000)
    frame = pd.DataFrame({"size": [f"{s:.0f} m²" for s in size], "rooms": (size // 30 + 1).astype(int)})
    return _csv(frame.assign(price=[f"€{p:,.2f}" for p in np.maximum(price, 100)]), folder / "narrow.csv")


def wide(folder: Path) -> str:
    """300 columns."""
    draw = _generator(3)
    values = draw.normal(size=(2000, 299)).round(4)
    frame = pd.DataFrame(values, columns=[f"sensor_{n}" for n in range(299)])
    frame["yield"] = (values[:, :12].sum(axis=1) + draw.normal(0, 1, 2000)).round(3)
    return _csv(frame, folder / "wide.csv")


def dates(folder: Path) -> str:
    """Dates in three formats, one of them as integers; labels Y and N."""
    draw = _generator(4)
    ordered = pd.Timestamp("2022-01-01") + pd.to_timedelta(draw.integers(0, 900, 3000), "D")
    days = draw.integers(1, 40, 3000)
    sent = ordered + pd.to_timedelta(days, "D")
    chance = 1 / (1 + np.exp(-(days - 20) / 6 - (ordered.month == 12)))
    frame = pd.DataFrame(
        {
            "ordered": ordered.strftime("%d.%m.%Y"),
            "sent": sent.strftime("%Y-%m-%d"),
            "booked": ordered.strftime("%Y%m%d"),
            "days": days,
            "amount": draw.gamma(2, 40, 3000).round(2),
            "returned": np.where(draw.random(3000) < chance, "Y", "N"),
        }
    )
    return _csv(frame, folder / "dates.csv")


def orders(folder: Path) -> str:
    """Dates and times in ISO format, which a project reads without conversion."""
    draw = _generator(15)
    placed = pd.Timestamp("2022-01-01 08:00") + pd.to_timedelta(draw.integers(0, 900 * 86400, 4000), "s")
    due = placed + pd.to_timedelta(draw.integers(1, 30, 4000), "D")
    late = 4 * np.isin(placed.month, (11, 12)) + 2 * (placed.day_of_week > 4) - (due - placed).days / 8
    frame = pd.DataFrame(
        {
            "placed": placed.strftime("%Y-%m-%dT%H:%M:%S"),
            "due": due.strftime("%Y-%m-%d"),
            "items": draw.poisson(3, 4000) + 1,
            "late": np.where(late + draw.normal(0, 1, 4000) > 0, "yes", "no"),
        }
    )
    return _csv(frame, folder / "orders.csv")


def zones(folder: Path) -> str:
    """Times in several time zones; a regression."""
    draw = _generator(5)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 366 * 86400, 4000), "s")
    minutes = 20 + 15 * np.isin(at.hour, (7, 8, 16, 17)) + draw.gamma(2, 3, 4000)
    zone = draw.choice(["+00:00", "+02:00", "-05:00", "Z"], 4000)
    return _csv(
        pd.DataFrame(
            {
                "left_at": [f"{moment.isoformat()}{mark}" for moment, mark in zip(at, zone, strict=True)],
                "distance": draw.uniform(1, 30, 4000).round(1),
                "minutes": minutes.round(1),
            }
        ),
        folder / "zones.csv",
    )


def notes(folder: Path) -> str:
    """Free text, with line breaks, commas and quotes; several classes."""
    draw = _generator(6)
    words = {
        "billing": ["invoice", "charged", "refund", "card"],
        "delivery": ["parcel", "late", "courier", "address"],
        "support": ["broken", "error", "screen", "restart"],
    }
    teams = draw.choice([*words], 2500, p=[0.5, 0.3, 0.2])
    filler = ["hello", "please", "I", "my", "the", 'a "quick" answer', "thanks,", "again\nand"]
    texts = [" ".join(draw.choice(words[t], 2).tolist() + draw.choice(filler, 7).tolist()) for t in teams]
    frame = pd.DataFrame({"text": texts, "channel": draw.choice(["mail", "phone", "web"], 2500), "team": teams})
    return _csv(frame, folder / "notes.csv")


def flags(folder: Path) -> str:
    """Yes or no as 0/1, yes/no, Y/N, True/False, ja/nein, x/blank; labels yes and no."""
    draw = _generator(7)
    on = draw.random((3000, 6)) < 0.4
    pairs = [(1, 0), ("yes", "no"), ("Y", "N"), (True, False), ("ja", "nein"), ("x", "")]
    columns = {f"flag_{n}": np.where(on[:, n], str(yes), str(no)) for n, (yes, no) in enumerate(pairs)}
    score = on @ [2, 1, 1, -1, -2, 1.0] + draw.normal(0, 1, 3000)
    frame = pd.DataFrame({**columns, "age": draw.integers(18, 90, 3000), "renewed": np.where(score > 0.8, "yes", "no")})
    return _csv(frame, folder / "flags.csv")


def european(folder: Path) -> str:
    """Semicolons, decimal commas, points between thousands, percent signs, Latin-1, umlauts."""
    draw = _generator(8)
    quality = draw.choice(["gut", "mäßig", "schlecht"], 1500)
    level = pd.Series(quality).map({"gut": 3.0, "mäßig": 2.0, "schlecht": 1.0}).to_numpy() + draw.normal(0, 0.7, 1500)

    def number(value: float) -> str:
        return f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")

    frame = pd.DataFrame(
        {
            "Größe": [number(v * 1000) for v in level],
            "PLZ": [f"{n:05d}" for n in draw.integers(1000, 1200, 1500)],
            "Anteil %": [f"{v:.1f} %".replace(".", ",") for v in draw.uniform(0, 100, 1500)],
            "Güte": quality,
        }
    )
    return _csv(frame, folder / "european.csv", sep=";", encoding="latin-1")


def headings(folder: Path) -> str:
    """Column names as people write them, below a title row as in spreadsheets."""
    draw = _generator(9)
    values = draw.normal(size=(800, 6)).round(3)
    names = ["class", "my column", "größe", "💰", "2nd try", "Ergebnis (%)"]
    frame = pd.DataFrame(values, columns=names)
    frame["Ergebnis (%)"] = (values[:, 0] * 2 - values[:, 3] + draw.normal(0, 0.4, 800)).round(3)
    path = folder / "headings.csv"
    path.write_text("Trials of the second quarter,,,,,\n,,,,,\n" + frame.to_csv(index=False))
    return str(path)


def classes(folder: Path) -> str:
    """Thirty classes."""
    draw = _generator(10)
    grade = draw.integers(0, 30, 6000)
    values = np.column_stack([np.cos(grade), np.sin(grade), grade / 10]) + draw.normal(0, 0.15, (6000, 3))
    frame = pd.DataFrame(values.round(4), columns=["x", "y", "z"])
    return _csv(frame.assign(grade=[f"G{n:02d}" for n in grade]), folder / "classes.csv")


def rare(folder: Path) -> str:
    """One row in a hundred is positive."""
    draw = _generator(11)
    amount, age = draw.gamma(2, 50, 30000), draw.integers(0, 3000, 30000)
    chance = 1 / (1 + np.exp(9 - amount / 35 + age / 1500))
    frame = pd.DataFrame({"amount": amount.round(2), "age": age, "country": draw.choice(list("ABCDEFGH"), 30000)})
    return _csv(frame.assign(fraud=(draw.random(30000) < chance).astype(int)), folder / "rare.csv")


def database(folder: Path) -> str:
    """A table in a database."""
    draw = _generator(12)
    path = folder / "shop.db"
    path.unlink(missing_ok=True)
    tenure = draw.integers(0, 72, 4000)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(4000) + 100,
            "tenure": tenure,
            "plan": draw.choice(["basic", "plus", None], 4000),
            "joined": pd.Series(pd.Timestamp("2024-06-01") - pd.to_timedelta(tenure * 30, "D")).dt.strftime("%Y-%m-%d"),
            "left": draw.random(4000) < 1 / (1 + np.exp(tenure / 12 - 1)),
        }
    )
    with sqlite3.connect(path) as connection:
        frame.to_sql("customers", connection, index=False)
    connection.close()
    return f"sqlite:///{path}"


def columnar(folder: Path) -> str:
    """Parquet with categories, decimals, times with a zone, small integers, a nested column and an index of pandas."""
    import pyarrow as pa

    draw = _generator(13)
    size = draw.uniform(1, 50, 2500)
    frame = pd.DataFrame(
        {
            "size": size.astype("float32"),
            "kind": pd.Categorical(draw.choice(["a", "b", "c"], 2500)),
            "at": pd.Timestamp("2024-01-01", tz="Europe/Berlin") + pd.to_timedelta(draw.integers(0, 9**7, 2500), "s"),
            "count": pd.array(np.where(draw.random(2500) < 0.1, None, draw.integers(0, 9, 2500)), dtype="Int8"),
            "tags": [[int(n)] for n in draw.integers(0, 5, 2500)],
            "amount": (size * 3 + draw.normal(0, 4, 2500)).round(2),
        },
        index=draw.permutation(2500),
    )
    table = pa.Table.from_pandas(frame)
    place = table.schema.get_field_index("amount")
    table = table.set_column(place, "amount", table.column("amount").cast(pa.decimal128(14, 2), safe=False))
    import pyarrow.parquet as pq

    pq.write_table(table, folder / "columnar.parquet")
    return str(folder / "columnar.parquet")


def hundred(folder: Path) -> str:
    """100,000 rows and 30 columns, of every type."""
    return _mixed(folder / "hundred.csv", 100_000)


def large(folder: Path) -> str:
    """500,000 rows and 30 columns, of every type."""
    return _mixed(folder / "large.csv", 500_000)


def _mixed(path: Path, rows: int) -> str:
    if path.exists():
        return str(path)
    draw = _generator(14)
    values = draw.normal(size=(rows, 14)).round(4)
    columns: dict[str, Any] = {f"n{k}": values[:, k] for k in range(14)}
    columns |= {f"count{k}": draw.poisson(4 + k, rows) for k in range(5)}
    columns |= {f"kind{k}": draw.choice([f"{c}{k}" for c in "abcdefgh"], rows) for k in range(5)}
    columns |= {"city": draw.choice(CITIES, rows), "member": draw.choice(["yes", "no"], rows)}
    columns["gaps"] = np.where(draw.random(rows) < 0.2, np.nan, values[:, 0] + draw.normal(size=rows)).round(3)
    columns["since"] = (np.datetime64("2018-01-01") + draw.integers(0, 2000, rows)).astype(str)
    columns["customer_id"] = [f"C{n:07d}" for n in range(rows)]
    score = values[:, 0] + values[:, 1] * values[:, 2] + (columns["member"] == "yes") + draw.normal(0, 1, rows)
    return _csv(pd.DataFrame(columns).assign(churned=np.where(score > 1, "yes", "no")), path)
