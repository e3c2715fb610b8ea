"""`python -m seatrial.serve PACKAGE`: serve an installed release; all that a container needs."""

import argparse
import os
import sys
from collections.abc import Sequence

from seatrial.core.errors import SeatrialError
from seatrial.serve.server_settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server and return its exit code: 0, or 1 with one clear line on standard error."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.standby_fd is not None and (given.fd is None or given.workers > 1):
        parser.error("--standby-fd goes with --fd and one worker")
    if given.drain and given.workers > 1:
        print("error: --drain (SEATRIAL_DRAIN) goes with one worker.", file=sys.stderr)  # noqa: T201
        return 1
    settings = Settings(
        host=given.host,
        port=given.port,
        workers=given.workers,
        body_limit=given.body_limit,
        row_limit=given.row_limit,
        log_format=given.log_format,
        log_level=given.log_level,
        drain=given.drain,
        fd=given.fd,
        standby_fd=given.standby_fd,
    )
    try:
        from seatrial.serve.server import run

        return run(given.package, settings)
    except SeatrialError as error:
        if given.debug:
            raise
        print(f"error: {error.message}", *filter(None, [error.hint]), file=sys.stderr)  # noqa: T201
        return 1
    except ImportError as error:
        if given.debug:
            raise
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(prog="python -m seatrial.serve", description="Serve an installed release.")
    parser.add_argument("package", help="the package to serve, as titanic_model")
    parser.add_argument("--host", default=os.environ.get("HOST") or default.host, help="the address (HOST)")
    parser.add_argument(
        "--port", type=_port, default=os.environ.get("PORT") or default.port, help="0 takes any free port (PORT)"
    )
    parser.add_argument("--workers", type=_positive, default=default.workers, help="server processes")
    parser.add_argument("--body-limit", type=_positive, default=default.body_limit, help="bytes in one body")
    parser.add_argument("--row-limit", type=_positive, default=default.row_limit, help="rows in one call")
    parser.add_argument("--log-format", choices=["auto", "text", "json"], default=default.log_format)
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default=default.log_level)
    parser.add_argument(
        "--drain",
        type=_seconds,
        default=os.environ.get("SEATRIAL_DRAIN") or default.drain,
        help="seconds after SIGTERM in which idle connections may still ask, so that none is lost (SEATRIAL_DRAIN)",
    )
    parser.add_argument("--fd", type=int, help="a listening socket handed on by the parent, in place of host and port")
    parser.add_argument("--standby-fd", type=int, help="answer on this one, until standard input says `accept`")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: use 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    if not text.replace(".", "", 1).isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return float(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
