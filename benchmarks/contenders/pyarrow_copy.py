"""What a table costs without a model: python pyarrow_copy.py INPUT ANSWERS OUTPUT.

It reads the columns of INPUT and writes the table in ANSWERS, which has what a prediction writes, by pyarrow alone.
"""

import sys

import pyarrow.parquet as pq


def main(source: str, answers: str, output: str) -> None:
    """Read the input, and write the answers again."""
    pq.read_table(source)
    pq.write_table(pq.read_table(answers), output)


if __name__ == "__main__":
    main(*sys.argv[1:])
