"""A PostgreSQL that answers a SELECT over given rows."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from tests.postgres_cluster import running_cluster

from seatrial.export.sql_proof import KEY, TABLE, Database

TYPES = {"double": "double precision", "int64": "bigint", "bool": "boolean", "string": "text"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Database]:
    import psycopg

    with running_cluster() as cluster:

        def database(text: str, rows: Any) -> Mapping[str, list[Any]]:
            named = ", ".join(f'"{field.name}" {TYPES[str(field.type)]}' for field in rows.schema)
            with psycopg.connect(cluster.url) as connection, connection.cursor() as cursor:
                cursor.execute(f"CREATE TEMPORARY TABLE {TABLE} ({named})")
                with cursor.copy(f"COPY {TABLE} FROM STDIN") as copy:
                    for row in zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True):
                        copy.write_row(row)
                found = cursor.execute(text).fetchall()
                names = [each.name for each in cursor.description or ()]
            columns = dict(zip(names, zip(*found, strict=True), strict=True))
            order = np.argsort(columns[KEY])
            return {name: [values[place] for place in order] for name, values in columns.items()}

        yield database
