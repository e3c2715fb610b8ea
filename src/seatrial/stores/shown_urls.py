"""URLs and errors as people may see them: without passwords, tokens and signatures."""

import re
from urllib.parse import parse_qsl, unquote

from seatrial.core.data_url import credentials_and_rest

_SECRET = ("password", "secret", "token", "key", "sig", "credential")  # in the names of a URL's parameters
LONGEST = 300  # characters of an error that are shown


def shown_url(url: str) -> str:
    """The URL without user, password and parameters."""
    rest = credentials_and_rest(url)[1]
    return re.split(r"[?#]", rest)[0] if "://" in url else url


def cleaned(error: BaseException, url: str) -> str:
    """The first line of an error's message, without the secrets in the URL."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text[:LONGEST]


def _secrets(url: str) -> set[str]:
    """The whole URL, and all that stands for a password in it, as it is written and as it is meant."""
    credentials, rest = credentials_and_rest(url)
    user, _, password = credentials.partition(":")
    query = rest.partition("?")[2].partition("#")[0]
    found = {url, password, unquote(password), f"{user}:{password}"}
    raw = [pair.partition("=") for pair in query.split("&")]
    found |= {value for name, _, value in raw if _is_secret(name)}
    found |= {value for name, value in parse_qsl(query) if _is_secret(name)}
    return found - {"", ":"}


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET)
