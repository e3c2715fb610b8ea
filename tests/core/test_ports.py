"""Listening sockets, and errors where a port or a host cannot be used."""

import json
import os
import socket
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import check_port, listen, url_of


def test_port_0_takes_a_free_port() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_a_port_in_use_is_an_error_with_the_given_hint() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SeatrialError) as error:
            check_port("127.0.0.1", port, hint="Try 8002.")
    assert error.value.message == f"Port {port} on 127.0.0.1 cannot be used: Address already in use."
    assert error.value.hint == "Try 8002."
    check_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70, "300.0.0.1"])
def test_a_host_that_does_not_exist_is_an_error(host: str) -> None:
    with pytest.raises(SeatrialError, match=f"Port 0 on {host} cannot be used: "):
        listen(host, 0)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_all_ipv6_addresses_include_ipv4() -> None:
    with listen("::", 0) as listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=5):
        connection, _ = listener.accept()
        connection.close()


def test_a_url_has_an_ipv6_address_in_brackets() -> None:
    assert url_of("127.0.0.1", 8001) == "http://127.0.0.1:8001"
    assert url_of("::1", 8001, "https") == "https://[::1]:8001"


def test_a_port_that_a_server_of_ours_has_is_said_with_the_command_that_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path))
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        record = {"pid": os.getpid(), "url": f"http://127.0.0.1:{port}", "release": "churn", "version": "0.1.0"}
        (tmp_path / "served").mkdir()
        (tmp_path / "served/1.json").write_text(json.dumps(record))
        with pytest.raises(SeatrialError) as caught:
            listen("127.0.0.1", port)
        assert caught.value.hint.startswith(f"churn 0.1.0 is served there: `kill {os.getpid()}` ends it.")
        folder = tmp_path / f"local/churn-{port}"
        folder.mkdir(parents=True)
        (folder / "supervisor.json").write_text(json.dumps({"pid": os.getpid()}))
        with pytest.raises(SeatrialError) as caught:
            listen("127.0.0.1", port)
        assert "`seatrial deploy local --stop` ends it" in caught.value.hint
