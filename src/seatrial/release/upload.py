"""The form of an upload: the fields that twine sends with a file, known to indexes as the legacy upload API."""

import hashlib
from typing import Any

from packaging.metadata import parse_email

from seatrial.release.distribution import Distribution

LISTS = frozenset({"classifiers", "requires_dist", "project_urls", "license_files", "provides_extra", "dynamic"})
TEXTS = (
    "metadata_version",
    "summary",
    "description",
    "description_content_type",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
    "home_page",
    "license",
    "license_expression",
    "requires_python",
)


def upload_fields(each: Distribution, *, file_only: bool = False) -> tuple[list[tuple[str, str]], str]:
    """Return the form's fields, and the name of the field for the file; `file_only`: there are no other fields."""
    if file_only:
        return [], "package"
    metadata: dict[str, Any] = dict(parse_email(each.metadata)[0])
    fields = [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("name", each.name),
        ("version", str(each.version)),
        ("filetype", "bdist_wheel" if each.is_wheel else "sdist"),
        ("pyversion", each.filename.split("-")[-3] if each.is_wheel else "source"),
        ("sha256_digest", each.sha256),
        ("md5_digest", _md5(each)),
    ]
    fields += [(key, str(metadata[key])) for key in TEXTS if metadata.get(key)]
    for key in sorted(LISTS & metadata.keys()):
        values = metadata[key].items() if isinstance(metadata[key], dict) else metadata[key]
        fields += [(key, value if isinstance(value, str) else ", ".join(value)) for value in values]
    return fields, "content"


def _md5(each: Distribution) -> str:
    """Some older indexes know only this digest; nothing depends on it."""
    with each.path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
