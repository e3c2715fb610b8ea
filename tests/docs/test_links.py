"""Links within the repository are valid, including headings; links to other hosts are listed here."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.docs.markdown import anchor, anchors_of, links_of
from tests.docs.scenarios import DOCS, ROOT

PAGES = [
    *(
        ROOT / name
        for name in (
            "README.md",
            "AGENTS.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "benchmarks/README.md",
            "titanic/README.md",
        )
    ),
    *sorted(DOCS.rglob("*.md")),
]
# They cannot be checked offline; check a link by hand when you add it.
EXTERNAL = {
    "https://docs.zizmor.sh",
    "https://semver.org",
    "https://doi.org/10.1093/biomet/34.1-2.28",
    "https://doi.org/10.2307/3002019",
    "https://doi.org/10.1093/biomet/70.3.659",
    "https://arxiv.org/abs/2203.03532",
}
# The reader's own machine, while a server runs there.
HERE = "http://127.0.0.1:"


def broken(path: Path) -> list[str]:
    """Return the invalid links of a page."""
    return [link for link in links_of(path) if not (is_external(link) if "://" in link else is_valid(path, link))]


def is_external(link: str) -> bool:
    return link.startswith(HERE) or link in EXTERNAL


def is_valid(path: Path, link: str) -> bool:
    parts = urlsplit(link)
    aim = (path.parent / parts.path).resolve() if parts.path else path
    if not aim.exists() or not aim.is_relative_to(ROOT if path.is_relative_to(ROOT) else path.parent):
        return False
    return not parts.fragment or (aim.suffix == ".md" and parts.fragment in anchors_of(aim))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_are_valid(path: Path):
    assert broken(path) == []


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_pages_of_the_site_link_to_pages_of_the_site(path: Path):
    """Files outside docs/ are not part of the site."""
    aims = [(path.parent / urlsplit(link).path).resolve() for link in links_of(path) if "://" not in link]
    assert [aim for aim in aims if not aim.is_relative_to(DOCS)] == []


def test_every_listed_external_link_is_used():
    assert EXTERNAL - {link for path in PAGES for link in links_of(path)} == set()


def test_a_broken_link_is_reported(tmp_path: Path):
    (tmp_path / "other.md").write_text("# A heading, with `code`\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#a-heading-with-code) ![c](none.png) [d](other.md#another) [e](https://example.com/)\n"
        "\n| t |\n| --- |\n| [f](nowhere.md) |\n"
    )
    assert broken(page) == ["none.png", "other.md#another", "https://example.com/", "nowhere.md"]
    assert anchor("`[tool.seatrial.trial]`") == "toolseatrialtrial"
