"""URLs as people may see them: passwords with characters that end a host elsewhere are passwords, too."""

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.stores.remote_tables import is_url
from seatrial.stores.shown_urls import cleaned, shown_url


@pytest.mark.parametrize("password", ["word", "w/ord", "w#ord", "w?ord", "w@ord", "w[ord", "w:ord", "12/3", "/"])
@pytest.mark.parametrize("scheme", ["postgresql", "s3", "mysql+pymysql"])
def test_no_part_of_a_password_is_shown(scheme: str, password: str) -> None:
    url = f"{scheme}://me:{password}@host/path?table=t"
    assert shown_url(url) == f"{scheme}://host/path"
    assert cleaned(ValueError(f"bad <{password}> of me"), url) == "bad <***> of me"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host:8080/a@b.csv?sig=1", "https://host:8080/a@b.csv"),
        ("s3://bucket/x@y.csv#1", "s3://bucket/x@y.csv"),
        ("hdfs://name:9000/a.csv", "hdfs://name:9000/a.csv"),
        ("abfss://container@account.dfs.core.windows.net/a", "abfss://account.dfs.core.windows.net/a"),
        ("postgresql://me@host/db", "postgresql://host/db"),
        ("/folder/a@b.csv", "/folder/a@b.csv"),
    ],
)
def test_what_is_no_password_stays(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize("url", ["s3://me:w/ord@bucket/t.csv", "https://me:w#ord@h/t.csv", "https://me:word@[h/t.csv"])
def test_a_url_that_would_lead_elsewhere_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SeatrialError, match="not valid, as it is written") as caught:
        is_url(url)
    assert "ord" not in caught.value.message


def test_a_name_that_would_be_cut_short_is_refused() -> None:
    with pytest.raises(SeatrialError, match="has a #"):
        is_url("s3://bucket/scores/july#1.csv")
    assert is_url("https://host/t.csv#part")
