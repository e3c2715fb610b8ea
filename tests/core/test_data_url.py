"""Which URLs can be the setting `data`."""

from pathlib import Path

import pytest

from seatrial.core.data_url import copy_of_url
from seatrial.core.errors import SeatrialError


def test_where_the_copy_is_kept() -> None:
    assert copy_of_url(Path("p"), "data/t.csv") == ""
    assert copy_of_url(Path("p"), "s3://bucket/a/t.csv?region=eu-central-1") == "data/t.csv"
    assert copy_of_url(Path("p"), "https://host.example/a/t.parquet") == "data/t.parquet"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://me:secret-word@bucket/t.csv", "has a password"),
        ("s3://me:secret-word/secret-word@bucket/t.csv", "has a password"),
        ("https://me:secret-word#secret-word@host/t.csv", "has a password"),
        ("https://me:secret-word@[host/t.csv", "is not a valid URL"),
        ("s3://bucket/t.csv?secret_key=secret-word", "has a password"),
        ("https://host/t.csv?X-Amz-Signature=secret-word", "has a password"),
        ("https://host/t.csv?sig", "has a password"),
        ("s3://bucket/folder/", "does not name a table"),
        ("postgresql://me@host/shop", "does not name a table"),
    ],
)
def test_what_is_refused_repeats_no_secret(url: str, said: str) -> None:
    with pytest.raises(SeatrialError, match=said) as caught:
        copy_of_url(Path("pyproject.toml"), url)
    assert "secret-word" not in caught.value.message
