"""Host headers: what they may contain, and which names a server answers to."""

import pytest

from seatrial.http.hosts import AllowedHosts, host_of

INVALID = [
    *(
        b"",
        b" ",
        b"localhost ",
        b" localhost",
        b"x/health?",
        b"localhost/",
        b"localhost?x",
        b"localhost#x",
        b"a b",
        b"a,b",
    ),
    *(
        b"user@localhost",
        b"localhost@evil.example",
        b"http://localhost",
        b"localhost:80:80",
        b"localhost:x",
        b":80",
        b"::1",
    ),
    *(
        b"[::1",
        b"::1]",
        b"[localhost]",
        b"[::1]x",
        b"local\xe2\x80\x8bhost",
        b"localhost\x00",
        b"localhost\t",
        b"..",
        b"-x",
    ),
    *(b"localhost:123456", b"x" * 300, b"evil.example\\localhost", b"%6cocalhost", b"localhost;x"),
]
NOT_LOOPBACK = [
    *(
        b"evil.example",
        b"localhost.evil.example",
        b"127.0.0.1.evil.example",
        b"evil-localhost",
        b"localhosts",
        b"0.0.0.0",
    ),
    *(
        b"10.0.0.1",
        b"[::]",
        b"[fe80::1]",
        b"127.1",
        b"2130706433",
        b"0x7f000001",
        b"localhost.localdomain",
        b"128.0.0.1",
    ),
]
LOOPBACK = [
    *(b"localhost", b"LOCALHOST:8001", b"localhost.", b"localhost:", b"127.0.0.1", b"127.0.0.1:80", b"127.8.9.1"),
    *(b"[::1]", b"[::1]:8001", b"[0:0:0:0:0:0:0:1]", b"model.localhost:8001"),
]


@pytest.mark.parametrize("header", INVALID)
def test_invalid_headers_have_no_host(header: bytes) -> None:
    assert host_of(header) is None
    assert not AllowedHosts(bound="127.0.0.1").allows(header)
    assert not AllowedHosts().knows(header)


@pytest.mark.parametrize("bound", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_a_server_on_a_loopback_address_answers_to_loopback_names(bound: str) -> None:
    hosts = AllowedHosts(bound=bound)
    assert [header for header in LOOPBACK if not hosts.allows(header)] == []
    assert [header for header in NOT_LOOPBACK if hosts.allows(header)] == []
    assert hosts.loopback_only


def test_names_replace_the_default() -> None:
    hosts = AllowedHosts(["Model.example", "*.internal.example", "[2001:db8::1]"], "127.0.0.1")
    allowed = [b"model.example", b"MODEL.EXAMPLE:443", b"a.b.internal.example", b"[2001:db8::1]:80"]
    refused = [b"localhost", b"internal.example", b"xinternal.example", b"model.example.evil", b"a.model.example"]
    assert [header for header in allowed if not hosts.allows(header)] == []
    assert [header for header in refused if hosts.allows(header)] == []


@pytest.mark.parametrize("hosts", [AllowedHosts(), AllowedHosts(bound="0.0.0.0"), AllowedHosts(["*"], "127.0.0.1")])
def test_all_names_are_allowed_elsewhere(hosts: AllowedHosts) -> None:
    assert all(hosts.allows(header) and hosts.knows(header) for header in [*LOOPBACK, *NOT_LOOPBACK])


def test_known_headers_are_bounded_and_good() -> None:
    hosts = AllowedHosts(bound="127.0.0.1")
    for number in range(1000):
        assert hosts.knows(b"x%d.localhost" % number)
        assert not hosts.knows(b"x%d.evil.example" % number)
    assert len(hosts.known) == 64
    assert all(hosts.allows(header) for header in hosts.known)
