"""The shipper's process: `python -m seatrial.prediction_log SPOOL`, with the settings in SEATRIAL_LOG.

A server starts it, with --child: then it ends when its standard input does, which is when the server has ended, however
that was. It ignores signals meanwhile, since a terminal or a service manager sends them to all processes at once, and
the server writes its last records afterwards. Without --child a signal ends it. Each line on standard output is a level
and a message.
"""

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.destinations import open_destination
from seatrial.prediction_log.log_settings import VARIABLE, parse_log_settings
from seatrial.prediction_log.shipper import Level, Patience, Shipper

NICENESS = 5  # requests come first; while there is no hurry, the shipper gives way still more


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the shipper; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m seatrial.prediction_log", description="Deliver a prediction log.")
    parser.add_argument("spool", type=Path, help="the folder in which servers write")
    parser.add_argument("--drain", type=float, default=10.0, help="seconds to deliver the rest, once told to stop")
    parser.add_argument("--child", action="store_true", help="stop at the end of standard input, not at a signal")
    parser.add_argument("--check", action="store_true", help="only check the settings and the installed libraries")
    options = parser.parse_args(arguments)
    try:
        settings = parse_log_settings(os.environ.get(VARIABLE, ""))
        if not settings.to:
            raise SeatrialError(f"{VARIABLE} names no destination.", hint="Set it to a folder, or to settings as JSON.")
        destination = open_destination(settings.to)
    except SeatrialError as error:
        _report("error", f"{error.message} {error.hint}")
        return 2
    if options.check:
        return 0
    gc.disable()  # looking for cycles among a segment's records takes three times as long as to deliver them
    stopped = threading.Event()
    _stop_when_told(stopped, child=options.child)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    options.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    limit = settings.spool_megabytes << 20
    shipper = Shipper(options.spool, destination, days=settings.days, report=_report, limit=limit)
    return 0 if shipper.run(Patience(stopped, options.drain)) else 3


def _stop_when_told(stopped: threading.Event, *, child: bool) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN if child else lambda *_: stopped.set())
    if child:

        def wait() -> None:
            sys.stdin.buffer.read()
            stopped.set()

        threading.Thread(target=wait, name="parent", daemon=True).start()


def _report(level: Level, message: str) -> None:
    """Write a line for the server's log; nobody may be there to read it."""
    line = f"{level} {' '.join(message.split())}\n"
    with suppress(OSError):
        os.write(1, line.encode())


if __name__ == "__main__":
    sys.exit(main())
