"""The canary of the target `docker`: containers of the candidate, and more of the release that serves, on its port.

They join the network of the container that serves, and borrow its listening socket (serve/lent_socket.py): all accept
from one queue, so that nobody who has connected is lost when one of them stops, and no proxy is needed. Until SIGUSR1
each serves a private port only. They are not restarted, and stop when the container that serves does.

Their labels say what they are. So whatever a killed command has left is known to the next one: a canary that is in the
history goes on, and any other is removed.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import free_port
from seatrial.core.progress import Progress, silent
from seatrial.deploy.canary_servers import servers_for
from seatrial.deploy.images import LOCKFILE_LABEL, Container, ContainerEngine, lockfile_digest
from seatrial.deploy.server_process import DRAIN_SECONDS
from seatrial.deploy.target import PinnedRelease
from seatrial.wheels.installer import last_lines

BESIDE, ID, VERSION, SHA256 = (f"seatrial.canary.{name}" for name in ("beside", "id", "version", "sha256"))
LENDS, BORROWS = "SEATRIAL_LEND_SOCKET", "SEATRIAL_BORROW_SOCKET"
ACCEPT = "USR1"
POLL_SECONDS = 0.2
READY = (
    "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=3); "
    "c.request('GET', '/ready'); sys.exit(c.getresponse().status != 200)"
)
BORROWED = """
import glob, os, sys
if open("/proc/1/comm").read().strip() in ("sh", "ash", "bash", "dash"):
    sys.exit(2)
port, sockets = ":%04X" % int(sys.argv[1]), set()
for table in glob.glob("/proc/net/tcp*"):
    for line in list(open(table))[1:]:
        words = line.split()
        if words[1].endswith(port) and words[3] == "0A":
            sockets.add("socket:[" + words[9] + "]")
for handle in glob.glob("/proc/[0-9]*/fd/*"):
    try:
        if os.readlink(handle) in sockets:
            sys.exit(0)
    except OSError:
        pass
sys.exit(1)
"""  # whether a process of the container has a socket that listens on the port, and no shell keeps its signals from it
NETWORK_FLAGS = ("--publish-all", "-P")
NETWORK_OPTIONS = (  # of `docker run`; a container that joins another's network takes none of them
    *("--network", "--net", "--publish", "-p", "--expose", "--hostname", "-h", "--domainname", "--mac-address", "--ip"),
    *("--ip6", "--dns", "--dns-option", "--dns-opt", "--dns-search", "--add-host", "--link", "--link-local-ip"),
    *("--network-alias", "--net-alias", "--restart"),
)


def lent_name(port: int) -> str:
    """The name by which a container lends the socket of its port."""
    return f"seatrial-{port}"


@dataclass(frozen=True)
class ContainerCanary:
    """The canary beside the container `service`, which serves on `port`; it may not exist."""

    engine: ContainerEngine
    service: str
    port: int
    patience: float

    @property
    def _name(self) -> str:
        return f"{self.service}-canary"

    def require_lender(self) -> Container:
        """The container that serves. Raises SeatrialError unless it runs, lends its socket, and has no canary."""
        if (status := self.status()) and status["id"]:
            hint = "Promote it or take it back first."
            raise SeatrialError(f"A canary of {status['version']} is running.", hint=hint)
        container = self.engine.container(self.service)
        if container is None or not container.running:
            raise SeatrialError("Nothing serves on docker that a canary could run beside.", hint="Deploy it instead.")
        if f"{LENDS}={lent_name(self.port)}" not in container.environment:
            raise SeatrialError(
                f"The container {self.service} lends port {self.port} to no canary: an earlier Seatrial started it, or "
                "it was started for another port.",
                hint="Start it again: `seatrial deploy docker --stop`, then `seatrial deploy docker VERSION`.",
            )
        return container

    def begin(
        self,
        image: str,
        pinned: PinnedRelease,
        share: int,
        options: Sequence[str],
        commit: Callable[[], None],
        progress: Progress,
    ) -> None:
        """Start the containers; once all are ready, call `commit`, and let them accept connections.

        Raises SeatrialError, and leaves none of them, where one does not come up.
        """
        lender, count = self.require_lender(), servers_for(share)
        self.remove()
        progress(f"starting a canary of {pinned.name} {pinned.version}, one of {count} containers")
        labels = {ID: pinned.id, VERSION: pinned.version, SHA256: pinned.sha256}
        shared = [*_without_network(options), *_same_level(lender)]
        others = [f"{self.service}-beside-{number}" for number in range(1, count - 1)]
        current = (lender.image, lender.labels.get(LOCKFILE_LABEL, ""))
        try:
            self._start(self._name, image, lockfile_digest(pinned), shared, labels)
            for name in others:
                self._start(name, *current, shared, {})
            for name in (self._name, *others):
                self._wait_until_ready(name, f"{pinned.name} {pinned.version}" if name == self._name else name)
            commit()
            self.engine.signal(ACCEPT, *others, self._name)
        except BaseException:
            self.remove()
            raise

    def settle(self, recorded: set[str]) -> None:
        """After an interruption: let a canary that is in the history accept connections, and remove any other.

        One of the history that has ended stays, for the history to say so.
        """
        status = self.status()
        if status and status["id"] in recorded:
            self.engine.signal(ACCEPT, *self._running())
        elif status is None or status["id"] or not recorded:
            self.remove()

    def status(self) -> dict[str, Any] | None:
        """What is running; None without a canary. One that ended by itself has no id, and says why in `ended`."""
        container = self.engine.container(self._name)
        if container is None or container.labels.get(BESIDE) != self.service:
            return None
        if not container.running:
            return {"id": None, "ended": f"it exited with code {container.exit_code}"}
        known = {
            key: container.labels.get(label, "")
            for key, label in zip(("id", "version", "sha256"), (ID, VERSION, SHA256), strict=True)
        }
        return {**known, "servers": 1 + len(self._running())}

    def end(self, progress: Progress = silent) -> bool:
        """Take the canary back without losing a request, and remove its containers; returns whether it ran.

        Clients that keep idle connections are waited for, for up to half a minute.
        """
        self.engine.wait_for_killed()
        status, running = self.status(), self._running()
        if running:
            progress("ending the canary")
            self.engine.stop(*running, seconds=int(DRAIN_SECONDS) + 5)
        self.remove()
        return bool(status and status["id"])

    def remove(self) -> None:
        """Remove its containers at once; the engine refuses to remove the one whose network they have before."""
        for name in self._names():
            self.engine.remove(name)

    def _start(self, name: str, image: str, digest: str, options: Sequence[str], labels: dict[str, str]) -> None:
        if self.engine.container(name):
            hint = f"Remove it, or rename it: `{self.engine.tool.name} rename {name} OTHER`."
            raise SeatrialError(f"A container {name} exists that is not of this service.", hint=hint)
        marks = {BESIDE: self.service, **labels}.items()
        self.engine.start_bare(
            *(name, image, digest, free_port("127.0.0.1")),
            [*options, "--network", f"container:{self.service}", "--restart", "no"]
            + ["--env", f"{BORROWS}={lent_name(self.port)}", "--env", f"SEATRIAL_DRAIN={DRAIN_SECONDS:g}"]
            + [part for key, value in marks for part in ("--label", f"{key}={value}")],
        )

    def _wait_until_ready(self, name: str, title: str) -> None:
        deadline = time.monotonic() + self.patience
        while not self.engine.succeeds(name, "python", "-c", READY):
            exited = not self.engine.runs(name)
            if exited or time.monotonic() > deadline:
                cause = "it exited before it was ready" if exited else f"it was not ready within {self.patience:g} s"
                output = last_lines(self.engine.last_output(name))
                raise SeatrialError(
                    f"{title} cannot run as a canary: {cause}." + (f" Its last output:\n{output}" if output else "")
                )
            time.sleep(POLL_SECONDS)
        if not self.engine.succeeds(name, "python", "-c", BORROWED, str(self.port)):
            raise SeatrialError(
                f"{title} cannot run as a canary: it has not borrowed the socket of {self.service}, or gets no "
                "signals.",
                hint="Its Seatrial must be one that runs canaries on docker. A Dockerfile of your own must start "
                '`python -m seatrial.serve` without a shell: ENTRYPOINT ["python", ...], or `exec` in a script.',
            )

    def _names(self) -> list[str]:
        return self.engine.labelled(f"{BESIDE}={self.service}")

    def _running(self) -> list[str]:
        return [name for name in self._names() if self.engine.runs(name)]


def _without_network(options: Sequence[str]) -> Iterator[str]:
    """Options of `docker run` without those that a container in another one's network cannot have."""
    rest = iter(options)
    for option in rest:
        name, is_whole, _ = option.partition("=")
        if name in NETWORK_OPTIONS:
            if not is_whole:
                next(rest, None)
        elif option not in NETWORK_FLAGS and not re.match("-[ph].", option):  # with its value in the same word
            yield option


def _same_level(lender: Container) -> list[str]:
    """Where SELinux keeps containers apart, those of one service may reach each other's sockets."""
    level = lender.security.split(":", 3)[3:]
    return [part for each in level for part in ("--security-opt", f"label=level:{each}")]
