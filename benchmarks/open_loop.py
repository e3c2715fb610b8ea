"""An open-loop client: it sends so many requests a second, however the server answers.

Real callers do not wait for each other, so more load than a server can take is not seen by a client that waits for
answers. Each request goes out on a connection that is free, or on a new one up to a limit, as a pool of connections in
front of a server does it; a caller gives up after its timeout, and closes its connection.
"""

import argparse
import errno
import json
import select
import socket
from collections import Counter, deque
from pathlib import Path
from time import perf_counter
from typing import Any

BIN = 0.1  # seconds, for which counts are reported
LATE = "timeout"
NOT_SENT = "no connection"


class Caller:
    """One connection; `sent` is when its request in progress was due, 0 if there is none."""

    __slots__ = ("data", "sent", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(("127.0.0.1", port))
        self.sent = 0.0
        self.data = b""


class OpenLoop:
    """Sends `data` at a rate, and counts what comes back."""

    def __init__(self, port: int, data: bytes, *, timeout: float, connections: int) -> None:
        self._port, self._data, self._timeout, self._most = port, data, timeout, connections
        self._poll = select.epoll()
        self._callers: dict[int, Caller] = {}
        self._free: deque[Caller] = deque()
        self._waiting: deque[tuple[float, Caller]] = deque()
        self.counts: dict[int, Counter[str]] = {}
        self.latencies: dict[int, list[float]] = {}
        self.most_open = 0

    def run(self, rate: float, seconds: float) -> None:
        """Send for so many seconds, and wait for the answers to the last requests."""
        self._began = began = perf_counter()
        sent, last = 0, int(rate * seconds)
        while (now := perf_counter()) < began + seconds + self._timeout:
            due = min(int((now - began) * rate), last)
            for number in range(sent, due):
                self._send(began + number / rate)
            sent = due
            self._read(0.0005)
            self._give_up()
            if sent == last and not any(caller.sent for caller in self._callers.values()):
                break

    def _send(self, due: float) -> None:
        while self._free:
            caller = self._free.popleft()
            if caller.socket.fileno() >= 0:
                break
        else:
            if len(self._callers) >= self._most:
                self._count(due, NOT_SENT)
                return
            caller = Caller(self._port)
            self._callers[caller.socket.fileno()] = caller
            self._poll.register(caller.socket.fileno(), select.EPOLLIN)
            self.most_open = max(self.most_open, len(self._callers))
        caller.sent = due
        self._waiting.append((due, caller))
        self._write(caller)

    def _write(self, caller: Caller) -> None:
        try:
            caller.socket.send(self._data)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOTCONN, errno.EINPROGRESS):  # it is not connected yet
                self._poll.modify(caller.socket.fileno(), select.EPOLLOUT)
            else:
                self._end(caller, "lost")

    def _read(self, seconds: float) -> None:
        for number, events in self._poll.poll(seconds, 512):
            caller = self._callers.get(number)
            if caller is None:
                continue
            if events & select.EPOLLOUT and not events & (select.EPOLLHUP | select.EPOLLERR):
                self._poll.modify(number, select.EPOLLIN)
                self._write(caller)
                continue
            try:
                data = caller.socket.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self._end(caller, "lost")
                continue
            data = caller.data + data
            head, found, body = data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0) if found else 1
            if len(body) < length:
                caller.data = data
                continue
            caller.data = b""
            if caller.sent:
                self._count(caller.sent, head[9:12].decode())
                caller.sent = 0.0
            if b"onnection: close" in head:
                self._end(caller, "")
            else:
                self._free.append(caller)

    def _give_up(self) -> None:
        now = perf_counter()
        while self._waiting and (self._waiting[0][0] < now - self._timeout or not self._waiting[0][1].sent):
            due, caller = self._waiting.popleft()
            if caller.sent == due:
                self._end(caller, LATE)

    def _end(self, caller: Caller, outcome: str) -> None:
        self._callers.pop(caller.socket.fileno(), None)
        caller.socket.close()
        if caller.sent:
            self._count(caller.sent, outcome)
            caller.sent = 0.0

    def _count(self, due: float, outcome: str) -> None:
        number = int((due - self._began) / BIN)
        self.counts.setdefault(number, Counter())[outcome] += 1
        if outcome == "200":
            self.latencies.setdefault(number, []).append(perf_counter() - due)

    def report(self) -> dict[str, Any]:
        """Counts by outcome, and the latencies of what was answered, in all and by the time at which it was due."""
        total: Counter[str] = Counter()
        for counts in self.counts.values():
            total += counts
        took = sorted(each for some in self.latencies.values() for each in some)
        bins = [
            {"at": round(number * BIN, 1), **counts, "worst_ms": _ms(max(self.latencies.get(number, [0.0])))}
            for number, counts in sorted(self.counts.items())
        ]
        return {
            "counts": dict(total),
            "p50_ms": _ms(took[len(took) // 2]) if took else None,
            "p99_ms": _ms(took[len(took) * 99 // 100]) if took else None,
            "most_open": self.most_open,
            "bins": bins,
        }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def main() -> None:
    """Load a server on this machine, and print the report as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open_loop", description=main.__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("request", type=Path, help="a file with the whole request, as it is sent")
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--timeout", type=float, default=1.0, help="after which a caller gives up")
    parser.add_argument("--connections", type=int, default=4000, help="at most")
    options = parser.parse_args()
    client = OpenLoop(
        options.port, options.request.read_bytes(), timeout=options.timeout, connections=options.connections
    )
    client.run(options.rate, options.seconds)
    print(json.dumps(client.report()))


if __name__ == "__main__":
    main()
