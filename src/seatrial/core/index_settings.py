"""The settings of an index: a folder, or a URL and the names of the environment variables that hold its tokens.

A token is never a setting, an argument or a part of a URL: it is read from the environment when a request needs it.
"""

import difflib
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.own_names import KEYS as NAME_KEYS
from seatrial.core.own_names import OwnNames, read_own_names
from seatrial.core.settings import unknown_key

DEFAULT_FOLDER = ".seatrial/index"
USER = "__token__"  # the user name that most private indexes expect with a token
KEYS = {
    "folder": "a folder, relative to the project, or s3://bucket/path",
    "url": "the URL of the simple API, as for pip's --index-url",
    "upload": "the URL for uploads; default: the one above `simple/`",
    "user": f"the user name; default: {USER}",
    "token": "the name of the environment variable with the token for reading and for uploading",
    "pull_token": "the name of the environment variable with the token for reading",
    "push_token": "the name of the environment variable with the token for uploading",
    "gemfury": "the Gemfury account, instead of url and upload",
    "insecure": "true: send the token over http:// too, on a network that you trust",
}
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
ACCOUNT = re.compile(r"[\w-]+")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
EXAMPLE = 'Write it as [tool.seatrial.index] team = { url = "https://...", token = "TEAM_TOKEN" }.'
BUCKETS = ("s3", "gs", "gcs", "az", "abfs", "abfss", "hdfs")
BUCKET_PARAMETERS = {"region", "endpoint_override", "scheme"}
URL_EXAMPLE = "Example: https://index.example/simple/."


@dataclass(frozen=True)
class IndexSettings:
    """A package index: either `folder` is set, or `url`, of a server or a bucket.

    The tokens are names of environment variables; for a bucket, they are the store's own.
    """

    name: str
    folder: Path | None = None
    url: str = ""
    upload: str = ""
    user: str = USER
    pull_token: str = ""
    push_token: str = ""
    token_required: bool = False  # the settings name the variables, so they must be set
    token_is_user: bool = False  # Gemfury: the token is the user name, without a password
    file_only: bool = False  # Gemfury: an upload is the file alone, as the field `package`
    insecure: bool = False
    names: OwnNames = field(default=OwnNames(), compare=False)  # those that only this index is asked for

    @property
    def is_bucket(self) -> bool:
        """Whether the index is in a bucket."""
        return self.url.startswith("s3://")

    def __str__(self) -> str:
        """The folder or the URL, for messages."""
        return str(self.folder) if self.folder else self.url

    def credentials(self, *, push: bool = False) -> tuple[str, str] | None:
        """Read user and password from the environment; None where no token is set.

        Raises SeatrialError where a required variable is not set, or where the token would be sent unencrypted.
        """
        variable = self.push_token if push else self.pull_token
        token = os.environ.get(variable, "").strip() if variable else ""
        if not token:
            if variable and self.token_required:
                raise SeatrialError(
                    f"The environment variable {variable} is not set. It holds the token to "
                    f"{'publish to' if push else 'read from'} {self}.",
                    hint=f"Set {variable}; in CI, as a secret.",
                )
            return None
        if not (token.isascii() and token.isprintable()):
            raise SeatrialError(
                f"{variable} does not hold a token: it has characters that cannot be part of one.",
                hint="Copy the token again, without line breaks and without quotation marks.",
            )
        url = self.upload if push else self.url
        parts = urlsplit(url)
        if parts.scheme == "http" and (parts.hostname or "") not in LOOPBACK and not self.insecure:
            raise SeatrialError(
                f"{url} is not https://, so others on the network could read the token.",
                hint="Use https://, or set insecure = true on a network that you trust.",
            )
        return (token, "") if self.token_is_user else (self.user, token)


def index_in_folder(folder: Path, name: str = "index") -> IndexSettings:
    """The settings of an index in a folder."""
    return IndexSettings(name, folder=folder.absolute())


def _index_in_bucket(url: str, where: str, name: str) -> IndexSettings:
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if parts.scheme != "s3":
        raise SeatrialError(
            f"{where}the index {name!r} cannot be at {shown}: only s3:// is supported.",
            hint="It needs conditional writes, which are here for the S3 protocol alone; or `seatrial index serve`.",
        )
    if "@" in parts.netloc or not parts.netloc or {key for key, _ in parse_qsl(parts.query)} - BUCKET_PARAMETERS:
        raise SeatrialError(
            f"{where}the index {name!r} at {shown} has no bucket, a password, or an unknown parameter.",
            hint="Example: s3://bucket/index?region=eu-central-1. Credentials come from the environment.",
        )
    return IndexSettings(name, url=url)


def index_at_url(url: str, where: str = "", *, name: str = "index", **more: Any) -> IndexSettings:
    """The settings of an index at a URL; its token is read from SEATRIAL_<NAME>_TOKEN unless `more` says otherwise."""
    prefix = f"{where}: " if where else ""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise SeatrialError(f"{prefix}the URL of the index {name!r} is not valid.", hint=URL_EXAMPLE) from None
    if parts.scheme in BUCKETS:
        return _index_in_bucket(url, prefix, name)
    if parts.scheme == "file":
        from urllib.request import url2pathname  # which loads HTTP and TLS

        return index_in_folder(Path(url2pathname(parts.path)), name)
    variable = f"SEATRIAL_{re.sub(r'[^A-Z0-9]', '_', name.upper())}_TOKEN"
    if parts.username or parts.password or "@" in parts.netloc:
        raise SeatrialError(
            f"{prefix}the URL of the index {name!r} contains a user name or a token.",
            hint=f'Remove it, and name the environment variable that holds it: token = "{variable}". '
            "A token that was in a file is no longer secret: replace it.",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        shown = parts._replace(query="", fragment="").geturl()
        raise SeatrialError(f"{prefix}{shown!r} is not the URL of an index.", hint=URL_EXAMPLE)
    base = url.rstrip("/") + "/"
    defaults = {"pull_token": variable, "push_token": variable, "upload": base.removesuffix("simple/")}
    return IndexSettings(name, url=base, **(defaults | more))


def read_index_settings(value: object, root: Path, where: str) -> tuple[IndexSettings, ...]:
    """Read the setting [tool.seatrial] index, a string or a table of named indexes; the first is the default."""
    if isinstance(value, str):
        return (_from_string("index", value, root, where),)
    assert isinstance(value, dict)
    names = read_own_names({key: value[key] for key in NAME_KEYS if isinstance(value.get(key), list)}, where)
    value = {key: entry for key, entry in value.items() if key not in NAME_KEYS or not isinstance(entry, list)}
    if not value and names.own:
        value = {"index": DEFAULT_FOLDER}
    if not value:
        raise SeatrialError(f"{where}: [tool.seatrial.index] is empty.", hint=EXAMPLE)
    misplaced = [key for key in value if key in KEYS and key != "gemfury"]
    if misplaced:
        place = value.get("folder", value.get("url"))
        raise SeatrialError(
            f"{where}: [tool.seatrial.index] has the key `{misplaced[0]}` where the name of an index is expected.",
            hint="Give the index a name: [tool.seatrial.index.main]"
            + (f'; or write index = "{place}" in [tool.seatrial].' if isinstance(place, str) else "."),
        )
    return tuple(replace(_named(name, entry, root, where), names=names) for name, entry in value.items())


def choose_index(indexes: tuple[IndexSettings, ...], choice: str) -> IndexSettings:
    """Find the index that `--index` names: one of the settings, a URL, or a folder."""
    by_name = {index.name: index for index in indexes}
    if choice in by_name:
        return by_name[choice]
    chosen = _unnamed(indexes, by_name, choice)
    return replace(chosen, names=indexes[0].names) if indexes and chosen not in indexes else chosen


def _unnamed(indexes: tuple[IndexSettings, ...], by_name: dict[str, IndexSettings], choice: str) -> IndexSettings:
    if "://" in choice or choice.startswith("file:"):
        chosen = index_at_url(choice, "--index")
        return next((index for index in indexes if index.url and index.url == chosen.url), chosen)
    folder = Path(choice)
    if folder.is_file():
        raise SeatrialError(
            f"{choice} is a file, not an index.", hint="Give a folder, a URL, or the name of an index in the settings."
        )
    if not folder.is_dir() and folder.name == choice and by_name:
        near = difflib.get_close_matches(choice, by_name, 1)
        names = f"The settings have {', '.join(by_name)}; write ./{choice} for a new folder."
        raise SeatrialError(
            f"No index is called {choice!r}, and no folder has this name.",
            hint=f"Did you mean {near[0]}?" if near else names,
        )
    return index_in_folder(folder)


def _named(name: str, entry: object, root: Path, where: str) -> IndexSettings:
    table = f"{where}: [tool.seatrial.index] {name}"
    if isinstance(entry, str):
        if name == "gemfury" and ACCOUNT.fullmatch(entry):
            return _gemfury(name, entry, {}, table)
        return _from_string(name, entry, root, where)
    if not isinstance(entry, dict):
        raise SeatrialError(f"{table} is neither a string nor a table.", hint=EXAMPLE)
    for key, value in entry.items():
        _check(table, key, value)
    both = entry.get("token")
    tokens = {key: entry.get(key, both) for key in ("pull_token", "push_token") if entry.get(key, both)}
    if "://" in entry.get("folder", ""):
        return index_at_url(entry["folder"], where, name=name)
    if "folder" in entry:
        return index_in_folder((root / entry["folder"]).resolve(), name)
    if "gemfury" in entry:
        return _gemfury(name, entry["gemfury"], tokens, table)
    if "url" not in entry:
        raise SeatrialError(f"{table} needs `url`: {KEYS['url']}.")
    more = {key: entry[key] for key in ("user", "insecure") if key in entry} | tokens
    if "upload" in entry:
        more["upload"] = index_at_url(entry["upload"], where, name=name).url
    return index_at_url(entry["url"], where, name=name, token_required=bool(tokens), **more)


def _gemfury(name: str, account: str, tokens: dict[str, Any], table: str) -> IndexSettings:
    if not ACCOUNT.fullmatch(account):
        raise SeatrialError(
            f"{table}: {account!r} is not a Gemfury account.", hint="The account is the last part of its URL."
        )
    return IndexSettings(
        name,
        url=f"https://pypi.fury.io/{account}/",
        upload=f"https://push.fury.io/{account}/",
        token_required=True,
        token_is_user=True,
        file_only=True,
        **({"pull_token": "GEMFURY_PULL_TOKEN", "push_token": "GEMFURY_PUSH_TOKEN"} | tokens),
    )


def _from_string(name: str, text: str, root: Path, where: str) -> IndexSettings:
    if "://" in text or text.startswith("file:"):
        return index_at_url(text, where, name=name)
    return index_in_folder((root / text).resolve(), name)


def _check(table: str, key: str, value: object) -> None:
    if key not in KEYS:
        raise unknown_key(table, key, KEYS)
    if not isinstance(value, bool if key == "insecure" else str):
        raise SeatrialError(f"{table}: {key} has the wrong type.", hint=f"It is {KEYS[key]}.")
    if key.endswith("token") and not VARIABLE.fullmatch(str(value)):
        # It may be the token itself, so the message does not repeat it.
        raise SeatrialError(
            f"{table}: {key} is not the name of an environment variable, like TEAM_TOKEN.",
            hint="If it is the token itself, put it into such a variable, and replace it: it was in a file.",
        )
