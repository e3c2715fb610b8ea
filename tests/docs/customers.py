"""The made-up table of the guides: `python -m tests.docs.customers` writes docs/customers.csv and customers-july.csv.

It has what real tables have: an identifier, missing values, and a column that is only known after the outcome.
"""

import math
import random
from datetime import date, timedelta
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FILES = {"customers.csv": 600, "customers-july.csv": 720}
HEADER = "customer_id,plan,contract,months,age,support_calls,monthly_fee,cancelled_on,churned"
FEES = {"basic": 9.0, "plus": 19.0, "pro": 39.0}


def table(rows: int) -> str:
    """Return the first `rows` customers; a longer table begins with the same ones."""
    draw = random.Random(7)
    return "\n".join([HEADER, *(customer(number, draw) for number in range(1, rows + 1))]) + "\n"


def customer(number: int, draw: random.Random) -> str:
    months = 1 + int(draw.random() ** 2 * 60)
    plan = list(FEES)[int(draw.random() ** 1.5 * 3)]
    contract = "yearly" if draw.random() < 0.4 else "monthly"
    age = 18 + int(draw.random() * 62)
    calls = min(9, int(-math.log(1 - draw.random()) * 1.6))
    fee = FEES[plan] * (0.85 if contract == "yearly" else 1.0) + round(draw.random() * 4, 2)
    leaning = (
        -1.3
        + 0.75 * calls
        - 1.6 * (contract == "yearly")
        + 0.9 * (plan == "basic")
        - 0.02 * (age - 45)
        - 0.04 * (months - 20)
    )
    churned = draw.random() < 1 / (1 + math.exp(-leaning))
    end = date(2026, 6, 1) + timedelta(days=int(draw.random() * 30)) if churned else ""
    shown = "" if draw.random() < 0.08 else age
    return f"C{number:05d},{plan},{contract},{months},{shown},{calls},{fee:.2f},{end},{'yes' if churned else 'no'}"


if __name__ == "__main__":
    for name, rows in FILES.items():
        (DOCS / name).write_text(table(rows), "utf-8")
