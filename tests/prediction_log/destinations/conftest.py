"""Real destinations, each started once."""

from collections.abc import Iterator

import pytest
from tests.postgres_cluster import Cluster, running_cluster
from tests.s3_server import Store, running_store


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    with running_store() as store:
        yield store


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster
