"""Messages reach a receiver that fails, hangs, is busy or redirects; or they wait, within a bounded time."""

import base64
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.serve.clients import until
from tests.watch.watched import DAY, finding, watched

from seatrial.core.errors import SeatrialError
from seatrial.steps.webhooks import Receiver, deliver, receivers
from seatrial.watch.alarms import AlarmBook, AlarmMessage, after_look
from seatrial.watch.watch_settings import WatchSettings
from seatrial.watch.webhook_forms import signed_headers

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


@dataclass
class Endpoint:
    """A receiver on loopback, which answers with each of `answers` in turn, and with the last one from then on."""

    answers: list[Any] = field(default_factory=lambda: [200])
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)


@pytest.fixture(name="endpoint")
def _endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            endpoint.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = endpoint.answers.pop(0) if len(endpoint.answers) > 1 else endpoint.answers[0]
            if answer == "hang":
                endpoint.released.wait(10)
                return
            if answer == "trickle":
                while not endpoint.released.wait(0.02):
                    try:
                        self.wfile.write(b"H")
                        self.wfile.flush()
                    except OSError:
                        return
                return
            if answer == "close":
                self.connection.close()
                return
            self.send_response(answer)
            if answer == 302:
                self.send_header("location", "/elsewhere")
            if answer == 429:
                self.send_header("retry-after", "3")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/secret-path"
    yield endpoint
    endpoint.released.set()
    server.shutdown()
    server.server_close()


def messages(number: int = 1) -> list[AlarmMessage]:
    found = [finding(f"drift.{place}") for place in range(number)]
    return list(after_look(AlarmBook(), watched(*found), resolve_after=2, window=DAY).messages)


def receiver(endpoint: Endpoint, secret: str = "") -> Receiver:
    return Receiver(endpoint.url, "json", secret)


def test_a_message_is_sent_once_and_signed(endpoint: Endpoint) -> None:
    to = receiver(endpoint, SECRET)
    result = deliver(messages(), [to])
    [(_, headers, body)] = endpoint.asked
    name = messages()[0].id
    assert (result.delivered, result.problems) == ({name: [to.id]}, [])
    assert headers["webhook-id"] == name
    signed = signed_headers(name, int(headers["webhook-timestamp"]), body, SECRET)
    assert headers["webhook-signature"] == signed["webhook-signature"]


@pytest.mark.parametrize("answer", [500, 429, 503, "close"])
def test_what_may_be_over_in_a_moment_is_tried_again_with_the_same_id(endpoint: Endpoint, answer: Any) -> None:
    endpoint.answers = [answer, answer, 204]
    pauses: list[float] = []
    result = deliver(messages(), [receiver(endpoint)], sleep=pauses.append)
    assert result.problems == []
    assert len({headers["webhook-id"] for _, headers, _ in endpoint.asked}) == 1
    assert pauses == ([3.0, 3.0] if answer == 429 else [0.5, 1.0])


@pytest.mark.parametrize("answer", [302, 307, 401, 404, 410])
def test_an_answer_that_stays_is_not_tried_again_and_a_redirect_is_not_followed(
    endpoint: Endpoint, answer: int
) -> None:
    endpoint.answers = [answer]
    result = deliver(messages(2), [receiver(endpoint)], sleep=lambda _: None)
    assert [path for path, _, _ in endpoint.asked] == ["/secret-path"]
    assert (result.delivered, len(result.problems)) == ({}, 1)
    assert str(answer) in result.problems[0]
    assert "2 to send" in result.problems[0]


@pytest.mark.parametrize("answer", [400, 413, 422])
def test_a_message_that_is_refused_does_not_keep_back_the_others(endpoint: Endpoint, answer: int) -> None:
    endpoint.answers = [answer, 200]
    first, second, third = messages(3)
    result = deliver([first, second, third], [receiver(endpoint)])
    assert set(result.delivered) == {second.id, third.id}
    assert f"It answered {answer}. 1 to send" in result.problems[0]


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b", "xn--a"])
def test_a_host_that_cannot_be_one_is_a_problem(host: str, capfd: pytest.CaptureFixture[str]) -> None:
    result = deliver(messages(), [Receiver(f"https://{host}/x", "json", "")], total_seconds=5.0, sleep=lambda _: None)
    assert "could not be reached" in result.problems[0]
    assert "Traceback" not in capfd.readouterr().err


def test_a_receiver_that_hangs_leaves_time_for_the_next(endpoint: Endpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hangs = Receiver(f"http://127.0.0.1:{silent.getsockname()[1]}/x", "json", "")
        to = [hangs, receiver(endpoint)]
        result = deliver(messages(), to, total_seconds=5.0, request_seconds=9.0)
    assert result.delivered == {messages()[0].id: [to[1].id]}


@pytest.mark.parametrize("answer", ["hang", "trickle"])
def test_a_receiver_that_hangs_or_trickles_takes_a_bounded_time(endpoint: Endpoint, answer: str) -> None:
    endpoint.answers = [answer]
    begun = time.monotonic()
    result = deliver(messages(3), [receiver(endpoint)], total_seconds=0.4, request_seconds=0.15)
    assert time.monotonic() - begun < 5
    assert result.delivered == {}
    assert "3 to send; tried again at the next look" in result.problems[0]
    until(lambda: not any(thread.name == "webhook" for thread in threading.enumerate()), 5)  # none waits on


def test_a_look_up_of_a_name_that_takes_long_holds_up_neither_the_look_nor_the_exit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released, asked = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> None:
        asked.set()
        released.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    before = set(threading.enumerate())
    to = Receiver("https://hooks.example.com/x", "json", "")
    result = deliver(messages(), [to], total_seconds=0.3, sleep=lambda _: None)
    waiting = set(threading.enumerate()) - before
    released.set()
    assert asked.is_set()
    assert "It did not answer within" in result.problems[0]
    assert "webhook-lookup" in {thread.name for thread in waiting}
    assert all(thread.daemon for thread in waiting)  # the exit of a process waits for others


def test_one_receiver_that_fails_does_not_keep_the_other_from_its_messages(endpoint: Endpoint) -> None:
    gone = Receiver("http://127.0.0.1:9/secret-path", "json", SECRET)
    result = deliver(messages(2), [gone, receiver(endpoint)], total_seconds=1.0, sleep=lambda _: time.sleep(0.5))
    assert [len(to) for to in result.delivered.values()] == [1, 1]
    assert len(endpoint.asked) == 2
    assert "could not be reached" in result.problems[0]


def test_neither_the_path_nor_the_secret_is_shown(endpoint: Endpoint) -> None:
    endpoint.answers = [400]
    to = receiver(endpoint, SECRET)
    shown = f"{to!r} {deliver(messages(), [to]).problems} {to.id}"
    assert "secret-path" not in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http://alerts.example.com/x", "is not https"),
        ("ftp://alerts.example.com/x", "is not a URL"),
        ("alerts.example.com", "is not a URL"),
        ("https://", "is not a URL"),
        ("https://[::1", "is not a URL"),
    ],
)
def test_a_webhook_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv("SEATRIAL_WATCH_WEBHOOK", text)
    with pytest.raises(SeatrialError, match=message):
        receivers(WatchSettings())


def test_several_webhooks_each_have_their_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_WATCH_WEBHOOK", "https://hooks.slack.com/a http://127.0.0.1:1/b")
    assert [each.form for each in receivers(WatchSettings())] == ["slack", "json"]
    assert [each.form for each in receivers(WatchSettings(webhook="teams"))] == ["teams", "teams"]
