"""`seatrial index`: serve a private package index from a folder, and take a bad version off one."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, ProjectOption, option, release_and_index
from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import LOOPBACK, USER

if TYPE_CHECKING:
    from seatrial.release.index_server import Access
    from seatrial.wheels.simple_api import WithdrawalAction

index = typer.Typer(
    help="The package index: serve one to a team, take a bad version off it.\n\nExample: [bold]seatrial index serve[/]",
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VARIABLE = "SEATRIAL_INDEX_PASSWORD"


ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept on the project's page.")]
ByOption = Annotated[str | None, option("Who does it; default: git's user name, or the system's.", "--by")]


@index.command()
def yank(
    release: Annotated[str, typer.Argument(help="The version, as titanic-model==0.1.0.", show_default=False)],
    reason: ReasonOption,
    undo: Annotated[bool, typer.Option("--undo", help="Offer the version again.")] = False,
    by: ByOption = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Yank a version: installers skip it, unless it is pinned. It stays there for those who use it.

    Example: [bold]seatrial index yank titanic-model==0.2.0 --reason "trained on the wrong table"[/]
    """
    action: WithdrawalAction = "restore" if undo else "yank"
    _withdraw(release, action, "offered again" if undo else "yanked", reason, by, index, project)


@index.command()
def remove(
    release: Annotated[str, typer.Argument(help="The version, as titanic-model==0.1.0.", show_default=False)],
    reason: ReasonOption,
    by: ByOption = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Remove a version for good: its files are deleted, and its number cannot be used again. Yanking is safer.

    Example: [bold]seatrial index remove titanic-model==99 --reason "not ours"[/]
    """
    _withdraw(release, "remove", "removed", reason, by, index, project)


def _withdraw(
    release: str,
    action: "WithdrawalAction",
    done: str,
    reason: str,
    by: str | None,
    index: str | None,
    project: Path,
) -> None:
    from seatrial.core.git import person
    from seatrial.steps.withdraw import withdraw

    _, settings = release_and_index(release, index, project)
    changed = withdraw(release, settings, action, reason=reason, who=by or person(project.absolute()))
    show.info(f"{release} {'is' if changed else 'was already'} {done} on {show.index_location(settings)}")


@index.command()
def serve(
    folder: Annotated[Path | None, option("The folder of the index; default: the project's.")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8003,
    user: Annotated[str, typer.Option(help="The user name that clients send.")] = USER,
    password: Annotated[
        str, typer.Option("--password-variable", help="The NAME of the environment variable with the password.")
    ] = VARIABLE,
    open_reading: Annotated[
        bool, typer.Option("--open-reading", help="Require the password for uploads only.")
    ] = False,
    certificate: Annotated[Path | None, typer.Option(help="A TLS certificate (PEM), to serve https.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
    project: ProjectOption = HERE,
) -> None:
    """Serve a private index from a folder; pip, uv and twine can use it, and Seatrial as well.

    Example: [bold]SEATRIAL_INDEX_PASSWORD=... seatrial index serve --folder /srv/index --host 0.0.0.0[/]
    """
    from seatrial.core.project import find_project
    from seatrial.release.index_server import Access
    from seatrial.steps.index_service import index_folder, serve_index

    path = folder.absolute() if folder else index_folder(find_project(project))
    access = Access(user, os.environ.get(password, ""), open_reading)
    if not access.password and host not in LOOPBACK:
        raise SeatrialError(
            f"Other machines can reach the index on {host}, but {password} does not contain a password.",
            hint=f"Set {password}, or listen on 127.0.0.1.",
        )
    if bool(certificate) != bool(key):
        raise typer.BadParameter("--certificate and --key must be used together")

    def greet(url: str) -> None:
        _greet(path, access, url, password)
        if access.password and not certificate and host not in LOOPBACK:
            show.info(
                "Over http:// others can read the password on the network. Use --certificate, or a TLS proxy in front."
            )

    serve_index(path, access, host=host, port=port, certificate=certificate, key=key, on_start=greet)


def _greet(folder: Path, access: "Access", url: str, variable: str) -> None:
    name = "" if access.user == USER else f', user = "{access.user}"'
    token = f', token = "{variable}"' if access.password else ""
    sender = f"{access.user}:PASSWORD@" if access.password and not access.open_reading else ""
    scheme, _, rest = url.partition("://")
    show.info(
        f"The index in {show.short_path(folder)} is on {url}/simple/\n\n"
        f"  pyproject.toml    [tool.seatrial.index]\n"
        f'                    team = {{ url = "{url}/simple/"{token}{name} }}\n'
        f"  pip               pip install --no-deps --index-url {scheme}://{sender}{rest}/simple/ NAME\n"
        f"  twine             twine upload --repository-url {url}/ --username {access.user} dist/*\n"
    )
    if not access.password:
        show.info("It has no password, so only this machine can reach it.")
