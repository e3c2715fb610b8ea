"""Base images by digest: a registry is asked which image a tag names now, by its HTTP API.

A tag may name another image tomorrow; a digest is the hash of its content. Source: the OCI distribution specification
1.1, and Docker's token authentication. Nothing is downloaded but a manifest.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import LOOPBACK

if TYPE_CHECKING:
    import httpx

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REFERENCE = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
SETTING = f"^{REFERENCE.pattern.replace('?P<name>', '').replace('?P<tag>', '').replace('?P<digest>', '')}$"
DEFAULT_HOST, DEFAULT_API = "docker.io", "registry-1.docker.io"  # where Docker itself looks
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",  # the lists of one image for several platforms come first
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
SECONDS = 15.0
SIZE_LIMIT = 4 << 20  # bytes of a manifest or a token
BY_HAND = 'Or write it by hand: base_image = "IMAGE:TAG@sha256:...", as `docker buildx imagetools inspect` prints it.'
BASE_LINE = re.compile(r"^(ARG BASE=).*$", re.MULTILINE)


@dataclass(frozen=True)
class ImageReference:
    """An image as a Dockerfile names it: `name` with its host as it was written, and a tag or a digest or both."""

    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def host(self) -> str:
        """The registry's host, by Docker's rule: the first part, if it looks like one."""
        first, slash, _ = self.name.partition("/")
        return first if slash and (re.search("[.:]", first) or first == "localhost") else DEFAULT_HOST

    @property
    def repository(self) -> str:
        """The name within the registry."""
        path = self.name.removeprefix(f"{self.host}/")
        return f"library/{path}" if self.host == DEFAULT_HOST and "/" not in path else path


def parse_reference(text: str) -> ImageReference:
    """Read an image's name; SeatrialError where it is none."""
    found = REFERENCE.fullmatch(text)
    if found is None:
        raise SeatrialError(f"{text!r} is not the name of an image.", hint="Example: python:3.11-slim.")
    return ImageReference(found["name"], found["tag"] or "", found["digest"] or "")


def with_base(dockerfile: str, base: str) -> str:
    """A Dockerfile whose line `ARG BASE=` names this image; one without such a line is the user's own business."""
    return BASE_LINE.sub(lambda line: line[1] + base, dockerfile)


def resolve(image: ImageReference) -> ImageReference:
    """Ask the registry for the digest of the image that the tag names now; SeatrialError says what is in the way."""
    import httpx

    host = DEFAULT_API if image.host == DEFAULT_HOST else image.host
    scheme = "http" if (urlsplit(f"//{host}").hostname or "") in LOOPBACK else "https"
    tag = image.tag or "latest"
    url = f"{scheme}://{host}/v2/{image.repository}/manifests/{tag}"
    try:
        with httpx.Client(timeout=SECONDS, headers={"Accept": ", ".join(MANIFESTS)}) as client:
            digest = _digest(client, url, f"{image.name}:{tag}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SeatrialError(f"The registry {host} cannot be reached: {error}", hint=BY_HAND) from None
    return ImageReference(image.name, tag, digest)


def _digest(client: "httpx.Client", url: str, title: str) -> str:
    """The digest in the header of the answer, or else the hash of the manifest itself."""
    token: dict[str, str] = {}
    response = client.head(url)
    if response.status_code == 401:
        token = _token(client, response.headers.get("WWW-Authenticate", ""), title)
        response = client.head(url, headers=token)
    _require_found(response, title)
    digest = str(response.headers.get("Docker-Content-Digest", ""))
    if not digest:
        with client.stream("GET", url, headers=token) as response:
            _require_found(response, title)
            digest = f"sha256:{hashlib.sha256(_read(response)).hexdigest()}"
    if not DIGEST.fullmatch(digest):
        raise SeatrialError(f"The registry names no SHA-256 of {title}, but {digest[:80]!r}.", hint=BY_HAND)
    return digest


def _require_found(response: "httpx.Response", title: str) -> None:
    if response.status_code == 404:
        raise SeatrialError(f"The registry has no image {title}.", hint="Check its name and its tag.")
    if response.status_code != 200:
        raise SeatrialError(f"The registry answered {response.status_code} for {title}.", hint=BY_HAND)


def _token(client: "httpx.Client", challenge: str, title: str) -> dict[str, str]:
    """A token for anyone, from where the registry says; it is sent to the registry only."""
    scheme, _, rest = challenge.partition(" ")
    asked = dict(CHALLENGE.findall(rest))
    realm = urlsplit(asked.pop("realm", ""))
    safe = realm.scheme == "https" or (realm.scheme == "http" and (realm.hostname or "") in LOOPBACK)
    if scheme.lower() != "bearer" or not safe:
        raise SeatrialError(f"The registry wants a password for {title}.", hint=BY_HAND)
    with client.stream("GET", realm.geturl(), params={k: asked[k] for k in asked if k != "error"}) as response:
        if response.status_code != 200:
            raise SeatrialError(f"The registry wants a password for {title}.", hint=BY_HAND)
        answer = _json(_read(response))
    token = answer.get("token") or answer.get("access_token")
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise SeatrialError(f"The registry's token for {title} cannot be used.", hint=BY_HAND)
    return {"Authorization": f"Bearer {token}"}


def _read(response: "httpx.Response") -> bytes:
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > SIZE_LIMIT:
            raise SeatrialError("The registry's answer is too large.", hint=BY_HAND)
    return content


def _json(content: bytes) -> dict[str, Any]:
    import json

    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    return document if isinstance(document, dict) else {}
