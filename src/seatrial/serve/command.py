"""The command line of the server: `python -m seatrial.serve`."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.processes import open_closed_streams
from seatrial.http.hosts import host_of
from seatrial.serve.proxies import PREFIX
from seatrial.serve.server_settings import Settings

ORIGIN = re.compile(r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?", re.ASCII)  # as browsers send it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server and return its exit code: 0, or 1 with a one-line error on standard error."""
    open_closed_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    sagemaker = len(words) > 1 and words[-1] == "serve"  # SageMaker starts a container with this argument
    parser = _parser(_port_variable(sagemaker=sagemaker))
    options = vars(parser.parse_args(words[:-1] if sagemaker else words))
    package, debug = options.pop("package"), options.pop("debug")
    settings = Settings(**options)
    if settings.standby_fd is not None and (settings.fd is None or settings.workers > 1):
        parser.error("--standby-fd requires --fd and a single worker")
    if settings.borrowed_socket and settings.fd is not None:
        parser.error("--borrow-socket cannot be used with --fd")
    if settings.borrowed_socket:
        settings = replace(settings, workers=1)  # an image may ask for more
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        parser.error("--tls-certificate and --tls-key must be used together")
    try:
        from seatrial.serve.server import run

        return run(package, settings)
    except (SeatrialError, ImportError) as error:
        if debug:
            raise
        message = f"{error.message} {error.hint}" if isinstance(error, SeatrialError) else str(error)
        print(f"error: {message}".rstrip(), file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0


def _port_variable(*, sagemaker: bool) -> str | None:
    """The port that a platform sets. An image has PORT, so the variables of Vertex AI and SageMaker come first."""
    environment = os.environ.get
    if sagemaker:
        return environment("SAGEMAKER_BIND_TO_PORT") or "8080"
    return environment("AIP_HTTP_PORT") or environment("PORT")


def _parser(port: str | None = None) -> argparse.ArgumentParser:
    default = Settings()
    environment = os.environ.get
    parser = argparse.ArgumentParser(
        prog="python -m seatrial.serve",
        description="Serve an installed release.",
        epilog="With `serve` as the last argument, as SageMaker starts containers, the port is 8080 "
        "(SAGEMAKER_BIND_TO_PORT).",
    )

    def listed(name: str, variable: str, read: Callable[[str], Any], metavar: str, text: str) -> None:
        default = environment(variable) or ""  # argparse reads it as it reads an argument
        parser.add_argument(name, type=read, default=default, metavar=metavar, help=f"{text} ({variable})")

    parser.add_argument("package", help="the package to serve, for example titanic_model")
    parser.add_argument("--host", default=environment("HOST") or default.host, help="the address to listen on (HOST)")
    parser.add_argument(
        "--port", type=_port, default=port or default.port, help="0 chooses a free port (PORT, AIP_HTTP_PORT)"
    )
    listed("--predict-route", "AIP_PREDICT_ROUTE", _route, "PATH", "a further path for Vertex AI's predictions")
    listed("--health-route", "AIP_HEALTH_ROUTE", _route, "PATH", "a further path for Vertex AI's health checks")
    listed(
        "--allowed-hosts",
        "SEATRIAL_ALLOWED_HOSTS",
        _names,
        "NAMES",
        "host names in requests, as in example.com,*.example.com; default: loopback names on a loopback address, "
        "all on others",
    )
    parser.add_argument(
        "--keys",
        default=default.keys,
        metavar="FILE",
        help="access keys, as `seatrial keys add` writes them: only callers with one are answered; more may be in "
        "SEATRIAL_KEYS, as JSON or as the path of a file",
    )
    parser.add_argument(
        "--open",
        action="store_true",
        default=_is_on("SEATRIAL_OPEN"),
        help="let other machines call the server without a key (SEATRIAL_OPEN=1)",
    )
    listed(
        "--cors-origins",
        "SEATRIAL_CORS_ORIGINS",
        _origins,
        "ORIGINS",
        "origins of web pages that may call the server, as in https://app.example.com,http://localhost:3000; * for all",
    )
    listed(
        "--root-path",
        "SEATRIAL_ROOT_PATH",
        _root_path,
        "PATH",
        "the path below which a proxy serves this server, as in /models/titanic",
    )
    listed(
        "--trusted-proxies",
        "SEATRIAL_TRUSTED_PROXIES",
        _networks,
        "ADDRESSES",
        "addresses and networks of proxies whose X-Forwarded-For, -Proto and -Prefix count, as in "
        "10.0.0.1,10.1.0.0/16; default: none",
    )
    for name, text in (
        ("certificate", "a TLS certificate (PEM), to serve https; renewed files are read without a restart"),
        ("key", "the private key of the certificate (PEM)"),
    ):
        variable = f"SEATRIAL_TLS_{name.upper()}"
        parser.add_argument(
            f"--tls-{name}", default=environment(variable, ""), metavar="FILE", help=f"{text} ({variable})"
        )
    parser.add_argument(
        "--buffer-limit",
        type=_positive,
        help="maximum bytes of unfinished requests and unread responses; default: a sixteenth of the memory",
    )
    parser.add_argument(
        "--connection-limit", type=_positive, help="maximum open connections; default: by the memory, up to 16,384"
    )
    parser.add_argument(
        "--wait-limit",
        type=_seconds,
        default=environment("SEATRIAL_WAIT_LIMIT") or default.wait_limit,
        help="seconds that a request may have to wait for the engine; beyond it the answer is 503 at once "
        "(SEATRIAL_WAIT_LIMIT)",
    )
    parser.add_argument(
        "--mcp",
        action="store_true",
        default=_is_on("SEATRIAL_MCP"),
        help="answer the Model Context Protocol at /mcp, too; needs the extra mcp (SEATRIAL_MCP=1)",
    )
    parser.add_argument(
        "--grpc-port",
        type=_port,
        default=environment("SEATRIAL_GRPC_PORT") or None,
        help="serve the Open Inference Protocol over gRPC, too; needs the extra grpc (SEATRIAL_GRPC_PORT)",
    )
    parser.add_argument("--workers", type=_positive, default=default.workers, help="server processes")
    parser.add_argument("--body-limit", type=_positive, default=default.body_limit, help="maximum bytes in a body")
    parser.add_argument(
        "--bulk-limit",
        type=_positive,
        default=environment("SEATRIAL_BULK_LIMIT") or default.bulk_limit,
        help="maximum bytes in a table of CSV, JSON lines or Arrow, which is answered as it arrives "
        "(SEATRIAL_BULK_LIMIT)",
    )
    parser.add_argument("--row-limit", type=_positive, default=default.row_limit, help="maximum rows in a request")
    parser.add_argument(
        "--prediction-log",
        default=environment("SEATRIAL_LOG", ""),
        metavar="DESTINATION",
        help="log each prediction to this folder, s3://..., gs://... or postgresql://...; or settings as JSON "
        "(SEATRIAL_LOG)",
    )
    parser.add_argument("--log-format", choices=["auto", "text", "json"], default=default.log_format)
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default=default.log_level)
    parser.add_argument(
        "--drain",
        type=_seconds,
        default=environment("SEATRIAL_DRAIN") or default.drain,
        help="seconds after SIGTERM during which idle connections may send one more request (SEATRIAL_DRAIN)",
    )
    parser.add_argument("--fd", type=int, help="an inherited listening socket to use instead of host and port")
    parser.add_argument("--standby-fd", type=int, help="serve on this socket until standard input says `accept`")
    parser.add_argument(
        "--lend-socket",
        dest="lent_socket",
        default=environment("SEATRIAL_LEND_SOCKET", ""),
        metavar="NAME",
        help="let servers in the same network borrow the listening socket by this name (SEATRIAL_LEND_SOCKET)",
    )
    parser.add_argument(
        "--borrow-socket",
        dest="borrowed_socket",
        default=environment("SEATRIAL_BORROW_SOCKET", ""),
        metavar="NAME",
        help="serve 127.0.0.1 on --port until SIGUSR1, and from then on also the socket that is lent by this name; "
        "with one worker (SEATRIAL_BORROW_SOCKET)",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true", "yes", "on")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 0 to 65535")
    return int(text)


def _route(text: str) -> str:
    if text and (not text.startswith("/") or not text.isascii() or set(text) & set("?#{} ")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path: use one such as /predict")
    return text


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _names(text: str) -> tuple[str, ...]:
    names = _parts(text)
    for name in names:
        if name != "*" and host_of(name.removeprefix("*.").encode()) is None:
            raise argparse.ArgumentTypeError(f"{name!r} is not a host name: use example.com, *.example.com or *")
    return names


def _origins(text: str) -> tuple[str, ...]:
    origins = _parts(text)
    for origin in origins:
        if origin != "*" and not ORIGIN.fullmatch(origin):
            raise argparse.ArgumentTypeError(
                f"{origin!r} is not an origin: use https://example.com, without a path, or *"
            )
    return origins


def _root_path(text: str) -> str:
    path = text.rstrip("/")
    if path and not PREFIX.fullmatch(path):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path: use /models/titanic")
    return path


def _networks(text: str) -> tuple[str, ...]:
    networks = _parts(text)
    for each in networks:
        try:
            ip_network(each, strict=False)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{each!r} is not an address or a network: use 10.0.0.1 or 10.1.0.0/16"
            ) from None
    return networks


def _seconds(text: str) -> float:
    if not text.replace(".", "", 1).isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least 1")
    return int(text)
