"""URLs and errors as people may see them: without passwords, tokens and signatures."""

from urllib.parse import parse_qsl, unquote, urlsplit

_SECRET = ("password", "secret", "token", "key", "sig", "credential")  # in the names of a URL's parameters
LONGEST = 300  # characters of an error that are shown


def shown_url(url: str) -> str:
    """The URL without user, password and parameters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else url


def cleaned(error: BaseException, url: str) -> str:
    """The first line of an error's message, without the secrets in the URL."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text[:LONGEST]


def _secrets(url: str) -> set[str]:
    """The whole URL, and all that stands for a password in it, as it is written and as it is meant."""
    parts = urlsplit(url)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    found = {url, password, unquote(password), f"{user}:{password}"}
    raw = [pair.partition("=") for pair in parts.query.split("&")]
    found |= {value for name, _, value in raw if _is_secret(name)}
    found |= {value for name, value in parse_qsl(parts.query) if _is_secret(name)}
    return found - {"", ":"}


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET)
