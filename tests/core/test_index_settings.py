"""Where indexes are: read from the settings, without a token in any of them."""

from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import choose_index, index_at_url, read_index_settings

TOKEN = "s3cretS3cret"


def read(value: object, root: Path = Path("/p")) -> tuple:
    return read_index_settings(value, root, "pyproject.toml")


def test_a_string_is_a_folder_or_an_address() -> None:
    (folder,) = read(".seatrial/index")
    assert (folder.name, folder.folder, str(folder)) == ("index", Path("/p/.seatrial/index"), "/p/.seatrial/index")
    (place,) = read("https://index.example/team/simple")
    assert (place.url, place.upload) == ("https://index.example/team/simple/", "https://index.example/team/")
    assert (place.pull_token, place.push_token, place.demanded) == ("SEATRIAL_INDEX_TOKEN",) * 2 + (False,)


def test_a_table_has_named_indexes_and_the_first_is_the_default() -> None:
    places = read(
        {
            "local": "index",
            "team": {"url": "https://i.example/simple/", "upload": "https://up.example", "user": "ci", "token": "T"},
            "two": {"url": "https://i.example/", "pull_token": "PULL", "push_token": "PUSH"},
            "gemfury": "acme",
            "fury": {"gemfury": "acme", "push_token": "PUSH"},
        }
    )
    assert [p.name for p in places] == ["local", "team", "two", "gemfury", "fury"]
    assert (places[1].upload, places[1].user, places[1].push_token) == ("https://up.example/", "ci", "T")
    assert (places[2].pull_token, places[2].push_token) == ("PULL", "PUSH")
    assert (places[3].url, places[3].pull_token) == ("https://pypi.fury.io/acme/", "GEMFURY_PULL_TOKEN")
    assert (places[4].upload, places[4].push_token) == ("https://push.fury.io/acme/", "PUSH")


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (f"https://user:{TOKEN}@index.example/simple/", "has a user name or a token in it", "replace it"),
        (f"https://{TOKEN}@index.example/simple/", "has a user name or a token in it", "SEATRIAL_INDEX_TOKEN"),
        (f"https://index.example/simple/?token={TOKEN}", "is no address", "As in"),
        ("ftp://index.example/", "is no address", "As in"),
        ("https://index.example:port/simple/", "cannot be read", "As in"),
        ("https://index.example:99999/simple/", "cannot be read", "As in"),
        ("http://[::1/simple/", "cannot be read", "As in"),
        ({}, "is empty", "team ="),
        ({"url": "https://i.example/"}, "where a name belongs", "team ="),
        ({"team": {"url": "https://i.example/", "tokn": "X"}}, "unknown key `tokn`", "Did you mean `token`?"),
        ({"team": {"url": "https://i.example/", "token": TOKEN}}, "not the name of an environment variable", "replace"),
        ({"team": {"user": "x"}}, "needs `url`", ""),
        ({"team": {"url": 3}}, "wrong type", "address"),
        ({"team": 3}, "neither a string nor a table", "team ="),
        ({"fury": {"gemfury": "a/b"}}, "no Gemfury account", ""),
    ],
)
def test_what_is_wrong_is_named_and_a_token_is_not_repeated(value: object, message: str, hint: str) -> None:
    with pytest.raises(SeatrialError, match=message) as error:
        read(value)
    assert hint in error.value.hint
    assert TOKEN not in f"{error.value.message}{error.value.hint}"


def test_an_index_is_chosen_by_name_address_or_folder(tmp_path: Path) -> None:
    places = read({"local": "index", "team": {"url": "https://i.example/simple/", "token": "T"}})
    assert choose_index(places, "team") is places[1]
    assert choose_index(places, "https://i.example/simple") is places[1]
    assert choose_index(places, str(tmp_path)).folder == tmp_path
    assert choose_index(places, str(tmp_path / "new")).folder == tmp_path / "new"
    with pytest.raises(SeatrialError, match="No index is called 'taem'") as error:
        choose_index(places, "taem")
    assert error.value.hint == "Did you mean team?"
    with pytest.raises(SeatrialError, match="has a user name or a token in it"):
        choose_index(places, f"https://x:{TOKEN}@i.example/")


def test_a_token_goes_over_https_to_others_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
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
    with pytest.raises(SeatrialError, match="holds no token"):
        index_at_url("https://i.example/", pull_token="T").credentials()
