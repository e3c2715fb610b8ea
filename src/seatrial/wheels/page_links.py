"""The links of an index's HTML page, and what else it says, read by the rules of the simple layout."""

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

RECORD = "seatrial:withdrawal"  # the name of a meta element


@dataclass
class Link:
    """A link of an HTML page; `base` is what its URL is relative to."""

    attributes: dict[str, str]
    base: str
    text: str = ""

    def get(self, name: str) -> str:
        """The value of an attribute; empty where it is missing."""
        return self.attributes.get(name, "")

    @property
    def core_metadata(self) -> str | None:
        """The hash of FILE.metadata."""
        value = self.get("data-core-metadata") or self.get("data-dist-info-metadata")
        return value.removeprefix("sha256=") if value.startswith("sha256=") else None

    @property
    def size(self) -> int:
        """The size in bytes; 0 where the page does not say it."""
        return int(self.get("data-size")) if self.get("data-size").isdigit() else 0


class PageParser(HTMLParser):
    """The links of an HTML page, and what shows whether it is a page of an index."""

    def __init__(self, text: str, url: str = "") -> None:
        super().__init__()
        self.links: list[Link] = []
        self.withdrawals: list[str] = []
        self.declared = self.has_form = False
        self.title = self._open_tag = ""
        self._base = self._url = url
        self.feed(text)
        self.close()

    @property
    def is_index(self) -> bool:
        """Whether the page declares itself a page of an index."""
        return self.declared or self.title.strip().lower().startswith(("links for", "simple index"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect links, and what the page declares."""
        attributes = {key: value or "" for key, value in attrs}
        self._open_tag = tag if tag in ("a", "title") else self._open_tag
        if tag == "a":
            self.links.append(Link(attributes, self._base))
        elif tag == "base" and attributes.get("href"):
            self._base = urljoin(self._url, attributes["href"])
        elif tag == "meta" and attributes.get("name") == "pypi:repository-version":
            self.declared = True
        elif tag == "meta" and attributes.get("name") == RECORD:
            self.withdrawals.append(attributes.get("content", ""))
        elif tag in ("form", "script", "input"):
            self.has_form = True

    def handle_endtag(self, tag: str) -> None:
        """Note that a link or the title has ended."""
        if tag == self._open_tag:
            self._open_tag = ""

    def handle_data(self, data: str) -> None:
        """Collect the text of links and of the title."""
        if self._open_tag == "title":
            self.title += data
        elif self._open_tag == "a":
            self.links[-1].text += data.strip()
