"""The settings of indexes: read and validated, without a token in any of them."""

from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import choose_index, index_at_url, read_index_settings

TOKEN = "s3cretS3cret"


def read(value: object, root: Path = Path("/p")) -> tuple:
    return read_index_settings(value, root, "pyproject.toml")


def test_a_string_is_a_folder_or_a_url() -> None:
    (folder,) = read(".seatrial/index")
    assert (folder.name, folder.folder, str(folder)) == ("index", Path("/p/.seatrial/index"), "/p/.seatrial/index")
    (place,) = read("https://index.example/team/simple")
    assert (place.url, place.upload) == ("https://index.example/team/simple/", "https://index.example/team/")
    assert (place.pull_token, place.push_token, place.token_required) == ("SEATRIAL_INDEX_TOKEN",) * 2 + (False,)


def test_a_folder_may_be_in_a_bucket() -> None:
    for value in ("s3://company/index", {"main": {"folder": "s3://company/index"}}, {"main": "s3://company/index"}):
        (place,) = read(value)
        assert (place.is_bucket, place.folder, str(place)) == (True, None, "s3://company/index")
        assert place.credentials(push=True) is None
    assert choose_index((), "s3://company/index").is_bucket
    assert not read("https://index.example/simple/")[0].is_bucket


def test_a_table_has_named_indexes_and_the_first_is_the_default() -> None:
    indexes = read(
        {
            "local": "index",
            "team": {"url": "https://i.example/simple/", "upload": "https://up.example", "user": "ci", "token": "T"},
            "two": {"url": "https://i.example/", "pull_token": "PULL", "push_token": "PUSH"},
            "gemfury": "acme",
            "fury": {"gemfury": "acme", "push_token": "PUSH"},
        }
    )
    assert [p.name for p in indexes] == ["local", "team", "two", "gemfury", "fury"]
    assert (indexes[1].upload, indexes[1].user, indexes[1].push_token) == ("https://up.example/", "ci", "T")
    assert (indexes[2].pull_token, indexes[2].push_token) == ("PULL", "PUSH")
    assert (indexes[3].url, indexes[3].pull_token) == ("https://pypi.fury.io/acme/", "GEMFURY_PULL_TOKEN")
    assert (indexes[4].upload, indexes[4].push_token) == ("https://push.fury.io/acme/", "PUSH")


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (f"https://user:{TOKEN}@index.example/simple/", "contains a user name or a token", "replace it"),
        (f"https://{TOKEN}@index.example/simple/", "contains a user name or a token", "SEATRIAL_INDEX_TOKEN"),
        (f"https://index.example/simple/?token={TOKEN}", "is not the URL of an index", "Example"),
        ("ftp://index.example/", "is not the URL of an index", "Example"),
        ("https://index.example:port/simple/", "is not valid", "Example"),
        ("https://index.example:99999/simple/", "is not valid", "Example"),
        ("http://[::1/simple/", "is not valid", "Example"),
        ({}, "is empty", "team ="),
        ({"url": "https://i.example/"}, "where the name of an index is expected", "[tool.seatrial.index.main]"),
        ({"folder": "wheels"}, "where the name of an index is expected", 'write index = "wheels" in [tool.seatrial].'),
        ({"team": {"url": "https://i.example/", "tokn": "X"}}, "unknown key `tokn`", "Did you mean `token`?"),
        ({"team": {"url": "https://i.example/", "token": TOKEN}}, "not the name of an environment variable", "replace"),
        ({"team": {"user": "x"}}, "needs `url`", ""),
        ({"team": {"url": 3}}, "wrong type", "URL"),
        ({"team": 3}, "neither a string nor a table", "team ="),
        ({"fury": {"gemfury": "a/b"}}, "is not a Gemfury account", "last part"),
    ],
)
def test_a_wrong_setting_is_named_and_a_token_is_not_repeated(value: object, message: str, hint: str) -> None:
    with pytest.raises(SeatrialError, match=message) as error:
        read(value)
    assert hint in error.value.hint
    assert TOKEN not in f"{error.value.message}{error.value.hint}"


def test_an_index_is_chosen_by_name_url_or_folder(tmp_path: Path) -> None:
    indexes = read({"local": "index", "team": {"url": "https://i.example/simple/", "token": "T"}})
    assert choose_index(indexes, "team") is indexes[1]
    assert choose_index(indexes, "https://i.example/simple") is indexes[1]
    assert choose_index(indexes, str(tmp_path)).folder == tmp_path
    assert choose_index(indexes, str(tmp_path / "new")).folder == tmp_path / "new"
    with pytest.raises(SeatrialError, match="No index is called 'taem'") as error:
        choose_index(indexes, "taem")
    assert error.value.hint == "Did you mean team?"
    with pytest.raises(SeatrialError, match="contains a user name or a token"):
        choose_index(indexes, f"https://x:{TOKEN}@i.example/")


def test_a_token_is_sent_to_other_machines_only_over_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", TOKEN)
    for url, works in (("http://i.example/", False), ("http://127.0.0.1:9/", True), ("https://i.example/", True)):
        place = index_at_url(url, pull_token="T")
        if works:
            assert place.credentials() == ("__token__", TOKEN)
        else:
            with pytest.raises(SeatrialError, match="not https://"):
                place.credentials()
    assert index_at_url("http://i.example/", pull_token="T", insecure=True).credentials()
    monkeypatch.setenv("T", "a\nb")
    with pytest.raises(SeatrialError, match="does not hold a token"):
        index_at_url("https://i.example/", pull_token="T").credentials()
