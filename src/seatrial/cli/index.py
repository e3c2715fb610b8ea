"""`seatrial index serve`: a private package index with a password, from a folder."""

import os
import socket
from pathlib import Path
from typing import Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption
from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import LOOPBACK, USER

index = typer.Typer(
    help="The package index: serve one to a team.\n\nExample: [bold]seatrial index serve[/]",
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VARIABLE = "SEATRIAL_INDEX_PASSWORD"
OPEN_LINE = "Over http:// the password can be read on the way: give a --certificate, or put a TLS proxy before it."


@index.callback()
def _group() -> None:
    """Keep `serve` a command of its own, though it is the only one."""


@index.command()
def serve(
    folder: Annotated[
        Path | None, typer.Option(help="The folder of the index; default: the project's.", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8003,
    user: Annotated[str, typer.Option(help="The user name that clients send.")] = USER,
    password: Annotated[
        str, typer.Option("--password-variable", help="The NAME of the environment variable with the password.")
    ] = VARIABLE,
    open_reading: Annotated[
        bool, typer.Option("--open-reading", help="Ask for the password for uploads only.")
    ] = False,
    certificate: Annotated[Path | None, typer.Option(help="A TLS certificate (PEM), to serve https.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
    project: ProjectOption = HERE,
) -> None:
    """Serve a private index from a folder: pip, uv and twine know it, and Seatrial too.

    Example: [bold]SEATRIAL_INDEX_PASSWORD=... seatrial index serve --folder /srv/index --host 0.0.0.0[/]
    """
    from filelock import FileLock, Timeout

    from seatrial.release import FolderIndex
    from seatrial.release.index_server import Access, make_app

    path = folder.absolute() if folder else _folder_of(project)
    secret = os.environ.get(password, "")
    if not secret and host not in LOOPBACK:
        raise SeatrialError(
            f"On {host} others can reach the index, and {password} with its password is not set.",
            hint=f"Set {password}, or listen on 127.0.0.1.",
        )
    if bool(certificate) != bool(key):
        raise typer.BadParameter("--certificate and --key go together")
    for file in (certificate, key):
        if file and not file.is_file():
            raise SeatrialError(f"{file} does not exist.")
    listening = _listen(host, port)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(path / ".serving", timeout=0):
            scheme = "https" if certificate else "http"
            url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
            _greet(url, path, user, password if secret else "", open_reading)
            if secret and not certificate and host not in LOOPBACK:
                show.say(OPEN_LINE)
            app = make_app(FolderIndex(path), Access(user, secret, open_reading))
            _run(app, listening, certificate, key)
    except Timeout:
        raise SeatrialError(f"{path} is being served already.", hint="End that server first.") from None
    except OSError as error:
        raise SeatrialError(f"{path} cannot be served: {error.strerror or error}.") from None
    finally:
        listening.close()


def _run(app: Any, listening: socket.socket, certificate: Path | None, key: Path | None) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="info",
        ssl_certfile=certificate,
        ssl_keyfile=key,
        limit_concurrency=64,
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _folder_of(project: Path) -> Path:
    from seatrial.core.project import find_project

    found = find_project(project)
    for place in found.indexes:
        if place.folder:
            return place.folder
    raise SeatrialError(f"{found.root} has no index in a folder.", hint="Name one with --folder.")


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise SeatrialError(
            f"Port {port} on {host} cannot be used: {error.strerror}.", hint="Choose another with --port."
        ) from None


def _greet(url: str, path: Path, user: str, variable: str, open_reading: bool) -> None:
    name = "" if user == USER else f', user = "{user}"'
    token = f', token = "{variable}"' if variable else ""
    sender = f"{user}:PASSWORD@" if variable and not open_reading else ""
    scheme, _, rest = url.partition("://")
    show.say(
        f"The index in {show.place(path)} is on {url}/simple/\n\n"
        f"  pyproject.toml    [tool.seatrial.index]\n"
        f'                    team = {{ url = "{url}/simple/"{token}{name} }}\n'
        f"  pip               pip install --no-deps --index-url {scheme}://{sender}{rest}/simple/ NAME\n"
        f"  twine             twine upload --repository-url {url}/ --username {user} dist/*\n"
    )
    if not variable:
        show.say("Without a password, so for this machine alone.")
