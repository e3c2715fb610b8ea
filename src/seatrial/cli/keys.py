"""`seatrial keys`: who may call a server, with which key."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption, option
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.access_keys import AccessKey

keys = typer.Typer(
    help="The keys of those who may call a server.\n\nExample: [bold]seatrial keys add web --scope predict[/]",
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
FileOption = Annotated[
    Path | None, option("The file of the keys; default: .seatrial/keys.json in the project.", "--file")
]


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Who gets the key; several keys may have one name.", show_default=False)],
    scope: Annotated[
        list[str] | None,
        option(
            "What it allows: predict, explain, log, metrics or admin; repeat it for several; default: predict.",
            "--scope",
        ),
    ] = None,
    rate: Annotated[
        str | None, option("How many requests are answered, evenly, as 100/s; s, min, hour or day.")
    ] = None,
    quota: Annotated[str | None, option("How many requests in each hour or day of UTC, as 1000000/day.")] = None,
    expires: Annotated[str | None, option("The day or the time (UTC) at which it ends, as 2027-01-31.")] = None,
    file: FileOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Make a key and print it once: only its hash is stored. Running servers accept it within a second.

    Example: [bold]seatrial keys add web --scope predict --rate 100/s --quota 1000000/day --expires 2027-01-31[/]
    """
    from seatrial.core.access_keys import VERIFIER, changing_keys, make_key

    if name == VERIFIER:  # predictions with such a key are not logged
        raise SeatrialError(f"The name {name} is kept for deployments.", hint="Choose another name.")
    key, secret = make_key(name, scope or ["predict"], rate=rate, quota=quota, expires=expires)
    if key.expired(datetime.now(UTC)):
        raise SeatrialError(f"The key would not be valid: it expires on {expires}.", hint="Give --expires a later day.")
    path = _file(file, project)
    with changing_keys(path) as stored:
        stored.append(key)
    show.info(f"{key.name} has the key {key.id}, for {', '.join(key.scopes)}. It is printed only now:")
    show.plain(secret)
    show.info(f"Its hash is in {show.short_path(path)}. Callers send `Authorization: Bearer KEY`.")


@keys.command("list")
def list_keys(file: FileOption = None, json_: JsonOption = False, project: ProjectOption = HERE) -> None:
    """List the keys: who has them, and what they allow. The secrets are not stored.

    Example: [bold]seatrial keys list[/]
    """
    from seatrial.core.access_keys import read_key_file, render_keys

    stored = read_key_file(_file(file, project))
    if json_:
        show.print_json(json.loads(render_keys(stored)))
        return
    now = datetime.now(UTC)
    show.table("", ("Name", "Key", "For", "Rate", "Quota", "Until"), [_row(key, now) for key in stored])


@keys.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose key is revoked.", show_default=False)],
    key: Annotated[
        str | None, option("Which key of several, as `seatrial keys list` shows it; or all.", "--key")
    ] = None,
    file: FileOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Revoke a key: running servers refuse it within a second.

    Example: [bold]seatrial keys revoke web --key 3f9ab2c1[/]
    """
    from seatrial.core.access_keys import changing_keys, read_key_file

    path = _file(file, project)
    read_key_file(path)  # it must exist
    with changing_keys(path) as stored:
        own = [each for each in stored if each.name == name]
        chosen = [each for each in own if key in (None, "all", each.id)]
        if not chosen:
            names = ", ".join(sorted({each.name for each in stored})) or "nobody"
            what = f"{name} has no key {key}" if own else f"{name} has no key; {names} has"
            raise SeatrialError(f"{what} in {path}.", hint="`seatrial keys list` lists them.")
        if key is None and len(chosen) > 1:
            ids = ", ".join(each.id for each in chosen)
            raise SeatrialError(f"{name} has several keys: {ids}.", hint="Name one with --key, or use --key all.")
        stored[:] = [each for each in stored if each not in chosen]
    show.info(f"Revoked {', '.join(each.id for each in chosen)}, of {name}.")


def _row(key: "AccessKey", now: datetime) -> tuple[str, ...]:
    until = "" if key.expires is None else f"{key.expires:%Y-%m-%d %H:%M} UTC".replace(" 00:00 UTC", "")
    if key.expired(now):
        until += ", expired"
    return (key.name, key.id, ", ".join(key.scopes), str(key.rate or ""), str(key.quota or ""), until)


def _file(file: Path | None, project: Path) -> Path:
    from seatrial.core.access_keys import KEYS_FILE
    from seatrial.core.project import find_project

    return file or find_project(project).root / KEYS_FILE
