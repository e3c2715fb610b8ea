"""Where an index is: a folder, or an address and the names of the environment variables that hold its tokens.

Tokens themselves are never a setting, never an argument and never a part of an address: they are read from the
environment at the moment of a request, and stay there.
"""

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from seatrial.core.errors import SeatrialError
from seatrial.core.settings import unknown_key

DEFAULT_FOLDER = ".seatrial/index"
USER = "__token__"  # what most private indexes take as the user's name of a token
KEYS = {
    "folder": "a folder, relative to the project",
    "url": "the address of the simple API, as pip takes it for --index-url",
    "upload": "the address to upload to; default: the one above `simple/`",
    "user": f"the user name; default: {USER}",
    "token": "the name of the environment variable with the token, for reading and for uploading",
    "pull_token": "the name of the environment variable with the token for reading",
    "push_token": "the name of the environment variable with the token for uploading",
    "gemfury": "the Gemfury account, in place of url and upload",
    "insecure": "true: send the token over http:// too, as on a network that you trust",
}
FLAGS = frozenset({"insecure"})
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SHORT = 'Write it as [tool.seatrial.index] team = { url = "https://...", token = "TEAM_TOKEN" }.'


@dataclass(frozen=True)
class IndexSettings:
    """A package index: either `folder` is set, or `url`. The tokens are names of environment variables."""

    name: str
    folder: Path | None = None
    url: str = ""
    upload: str = ""
    user: str = USER
    pull_token: str = ""
    push_token: str = ""
    demanded: bool = False  # whether the settings name the variables, so that they have to be set
    token_is_user: bool = False  # Gemfury's way: the token as the user's name, without a password
    push_form: bool = False  # Gemfury's way: the file alone, as `package`
    insecure: bool = False

    def __str__(self) -> str:
        """How it is called in messages: its folder or address."""
        return str(self.folder) if self.folder else self.url

    def credentials(self, *, push: bool = False) -> tuple[str, str] | None:
        """Read user and password from the environment; None where there are none to send.

        Raises SeatrialError where a variable that the settings name is not set, or where the token would go over
        an open line.
        """
        variable = self.push_token if push else self.pull_token
        token = os.environ.get(variable, "").strip() if variable else ""
        if not token:
            if variable and self.demanded:
                raise SeatrialError(
                    f"The environment variable {variable} is not set; it has the token to "
                    f"{'publish to' if push else 'read from'} {self}.",
                    hint=f"Set {variable}, in CI as a secret.",
                )
            return None
        if not (token.isascii() and token.isprintable()):
            raise SeatrialError(f"{variable} holds no token: it has characters that no token has.")
        address = self.upload if push else self.url
        parts = urlsplit(address)
        if parts.scheme == "http" and (parts.hostname or "") not in LOOPBACK and not self.insecure:
            raise SeatrialError(
                f"{address} is not https://, so anybody on the way could read the token.",
                hint="Use https://, or write insecure = true for a network that you trust.",
            )
        return (token, "") if self.token_is_user else (self.user, token)


def index_in_folder(folder: Path, name: str = "index") -> IndexSettings:
    """Give the place of an index in a folder."""
    return IndexSettings(name, folder=folder.absolute())


def index_at_url(url: str, where: str = "", *, name: str = "index", **more: Any) -> IndexSettings:
    """Give the place of an index at an address; a token is looked for in SEATRIAL_<NAME>_TOKEN."""
    prefix = f"{where}: " if where else ""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise SeatrialError(
            f"{prefix}the address of the index {name!r} cannot be read.", hint="As in https://index.example/simple/."
        ) from None
    if parts.scheme == "file":
        return index_in_folder(Path(url2pathname(parts.path)), name)
    if parts.username or parts.password or "@" in parts.netloc:
        raise SeatrialError(
            f"{prefix}the address of the index {name!r} has a user name or a token in it.",
            hint="Take it out, and name the environment variable that holds it: token = "
            f'"{default_variable(name)}". A token that was in a file is no secret any more: replace it.',
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SeatrialError(
            f"{prefix}{parts._replace(query='', fragment='').geturl()!r} is no address of an index.",
            hint="As in https://index.example/simple/.",
        )
    base = url.rstrip("/") + "/"
    default = default_variable(name)
    own = {"pull_token": default, "push_token": default, "upload": base.removesuffix("simple/")}
    return IndexSettings(name, url=base, **(own | more))


def default_variable(name: str) -> str:
    """Name the variable that is looked at where the settings name none: SEATRIAL_TEAM_TOKEN."""
    return f"SEATRIAL_{re.sub(r'[^A-Z0-9]', '_', name.upper())}_TOKEN"


def read_index_settings(value: object, root: Path, where: str) -> tuple[IndexSettings, ...]:
    """Read the setting [tool.seatrial] index, a string or a table of named ones; the first is the default."""
    if isinstance(value, str):
        return (_from_string("index", value, root, where),)
    assert isinstance(value, dict)
    if not value:
        raise SeatrialError(f"{where}: [tool.seatrial.index] is empty.", hint=SHORT)
    single = [key for key in value if key in KEYS and key != "gemfury"]
    if single:
        raise SeatrialError(f"{where}: [tool.seatrial.index] has `{single[0]}` where a name belongs.", hint=SHORT)
    return tuple(_named(name, told, root, where) for name, told in value.items())


def choose_index(places: tuple[IndexSettings, ...], asked: str) -> IndexSettings:
    """Find what `--index` names: an index of the settings, an address, or a folder."""
    known = {place.name: place for place in places}
    if asked in known:
        return known[asked]
    if "://" in asked or asked.startswith("file:"):
        place = index_at_url(asked, "--index")
        return next((each for each in places if each.url and each.url == place.url), place)
    folder = Path(asked)
    if folder.is_file():
        raise SeatrialError(f"{asked} is a file, and no index.", hint="Name a folder, an address, or an index by name.")
    if not folder.is_dir() and folder.name == asked and known:
        near = difflib.get_close_matches(asked, known, 1)
        raise SeatrialError(
            f"No index is called {asked!r}, and there is no such folder.",
            hint=f"Did you mean {near[0]}?" if near else f"There is {', '.join(known)}; write ./{asked} for a folder.",
        )
    return index_in_folder(folder)


def _named(name: str, told: object, root: Path, where: str) -> IndexSettings:
    place = f"{where}: [tool.seatrial.index] {name}"
    if isinstance(told, str):
        if name == "gemfury" and re.fullmatch(r"[\w-]+", told):
            return _gemfury(name, told, {}, place)
        return _from_string(name, told, root, where)
    if not isinstance(told, dict):
        raise SeatrialError(f"{place} is neither a string nor a table.", hint=SHORT)
    for key, value in told.items():
        _check(place, key, value)
    tokens = _tokens(told)
    if "folder" in told:
        return index_in_folder((root / told["folder"]).resolve(), name)
    if "gemfury" in told:
        return _gemfury(name, told["gemfury"], tokens, place)
    if "url" not in told:
        raise SeatrialError(f"{place} needs `url`: {KEYS['url']}.")
    more = {key: told[key] for key in ("user", "insecure") if key in told} | tokens
    if "upload" in told:
        more["upload"] = index_at_url(told["upload"], where, name=name).url
    return index_at_url(told["url"], where, name=name, demanded=bool(tokens), **more)


def _gemfury(name: str, account: str, tokens: dict[str, Any], place: str) -> IndexSettings:
    if not re.fullmatch(r"[\w-]+", account):
        raise SeatrialError(f"{place}: {account!r} is no Gemfury account.", hint="It is the last part of the address.")
    return IndexSettings(
        name,
        url=f"https://pypi.fury.io/{account}/",
        upload=f"https://push.fury.io/{account}/",
        demanded=True,
        token_is_user=True,
        push_form=True,
        **({"pull_token": "GEMFURY_PULL_TOKEN", "push_token": "GEMFURY_PUSH_TOKEN"} | tokens),
    )


def _from_string(name: str, text: str, root: Path, where: str) -> IndexSettings:
    if "://" in text or text.startswith("file:"):
        return index_at_url(text, where, name=name)
    return index_in_folder((root / text).resolve(), name)


def _tokens(told: dict[str, Any]) -> dict[str, Any]:
    both = told.get("token")
    found = {"pull_token": told.get("pull_token", both), "push_token": told.get("push_token", both)}
    return {key: value for key, value in found.items() if value}


def _check(place: str, key: str, value: object) -> None:
    if key not in KEYS:
        raise unknown_key(place, key, KEYS)
    if not isinstance(value, bool if key in FLAGS else str):
        raise SeatrialError(f"{place}: {key} is of the wrong type.", hint=f"It is {KEYS[key]}.")
    if key.endswith("token") and not VARIABLE.fullmatch(str(value)):
        # Perhaps the token itself: it is not repeated.
        raise SeatrialError(
            f"{place}: {key} is not the name of an environment variable, as in TEAM_TOKEN.",
            hint="If it is the token itself, put it into such a variable, and replace it: it was in a file.",
        )
