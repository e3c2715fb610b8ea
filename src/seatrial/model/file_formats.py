"""Tells from its first bytes that a file is not the table that its name promises."""

from pathlib import Path

from seatrial.core.errors import SeatrialError

HEAD = 512  # bytes that show it
_OTHER_FORMATS = (
    (
        b"PK\x03\x04",
        "a workbook or a zip archive",
        "If it is a workbook, let its name end in .xlsx or .ods.",
    ),
    (b"\x1f\x8b", "a gzip file", "Unpack it."),
    (b"BZh", "a bzip2 file", "Unpack it."),
    (b"\xfd7zXZ", "an xz file", "Unpack it."),
    (b"\x28\xb5\x2f\xfd", "a zstandard file", "Unpack it."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Let its name end in .xls."),
    (b"PAR1", "a Parquet file", "Let its name end in .parquet."),
    (b"ARROW1", "a Feather file", "Save it as CSV or Parquet."),
    (b"SQLite format 3\x00", "an SQLite database", "Read it with --data sqlite:///FILE --query TABLE."),
    (b"\x80\x04\x95", "a pickle", "Save the table as CSV or Parquet."),
    (b"\x80\x05\x95", "a pickle", "Save the table as CSV or Parquet."),
    (b"%PDF", "a PDF", "Save the table as CSV."),
    (b"{\\rtf", "a text document", "Save the table as CSV."),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Run `git lfs pull` to download the file."),
    (b"/annex/objects/", "a git-annex pointer, not the file itself", "Run `git annex get` to download the file."),
    (b"<!doctype html", "a web page", "It may be a log-in page saved instead of the table; download it again."),
    (b"<html", "a web page", "It may be a log-in page saved instead of the table; download it again."),
    (b"<?xml", "XML", "Save it as CSV or Parquet."),
    (b'{"', "JSON", "Save it as CSV or Parquet."),
    (b"[{", "JSON", "Save it as CSV or Parquet."),
)


def refuse_other_formats(path: Path, start: bytes, wanted: str = "") -> None:
    """Raise SeatrialError if a file starts as another format than the `wanted` one, which is part of a name above."""
    start = start[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, kind, hint in _OTHER_FORMATS:
        if start[: len(magic)].lower() == magic.lower() and not (wanted and wanted in kind):
            raise SeatrialError(f"{path.name} is {kind}.", hint=hint)


def refuse_pointers(path: Path, wanted: str = "") -> None:
    """Raise SeatrialError as `refuse_other_formats` does, for a file that is not read yet."""
    with path.open("rb") as file:
        refuse_other_formats(path, file.read(HEAD), wanted)
