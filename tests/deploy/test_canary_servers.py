"""How many servers a service with a canary has."""

import pytest

from seatrial.deploy.canary_servers import MOST_SERVERS, servers_for


@pytest.mark.parametrize(("share", "servers"), [(50, 2), (40, 2), (34, 3), (25, 4), (10, 10), (1, MOST_SERVERS)])
def test_a_canary_is_one_of_so_many_servers(share: int, servers: int) -> None:
    assert servers_for(share) == servers
