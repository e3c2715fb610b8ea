"""Passwords and tokens in files that git tracks; and placeholders, which are not findings."""

from pathlib import Path

import pytest
from tests.ci.trees import GITLAB, diagnosed, examine

# Put together here, so that no line of this file holds one.
AT = "@index.example"
PASSWORD, TOKEN = "hunter" + "2!", "Zw7h" + "Kq92xT4b"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", f'[tool.uv]\nindex-url = "https://maria:{PASSWORD}{AT}/simple/"\n'),
        ("requirements.txt", f"--index-url https://user:{PASSWORD}{AT}/simple\n"),
        ("requirements.txt", f"model {'@'} git+https://oauth2:{TOKEN}{AT}/m.git\n"),
        ("pip.conf", f"[global]\nindex-url = https://__token__:{TOKEN}{AT}/simple\n"),
        ("Dockerfile", f"FROM python:3.11\nRUN curl https://deploy:{PASSWORD}{AT}/x\n"),
        ("Dockerfile", f"FROM python:3.11 AS a\nENV URL=https://{TOKEN}:{AT}/simple\nFROM a\n"),
        (GITLAB, f"a:\n  script: [git clone https://ci:{PASSWORD}{AT}/m.git]\n"),
        ("settings.py", f'DATABASE = "postgresql+psycopg://app:{PASSWORD}@db.internal:5432/app"\n'),
        ("x.md", f"redis://:{PASSWORD}@cache:6379\n"),
        ("x.md", f"https://admin:{'sec' + 'ret'}{AT}/\n"),
        ("x.md", f"https://admin:p%40{'ss'}word1{AT}/\n"),
        ("x.md", f"https://{TOKEN}{AT}/simple\n"),
        ("x.md", f"postgresql://app:{TOKEN}@localhost/app\n"),
        (".env", f"DB_PASSWORD={PASSWORD}\n"),
        (".env.production", f"export API_KEY='{PASSWORD}'\n"),
        ("deploy/.pypirc", f"[fury]\npassword = {PASSWORD}\n"),
        (".netrc", f"machine index.example login ci password {PASSWORD}\n"),
        ("secrets/prod.env", f"export DB_PASSWORD={PASSWORD}\n"),
        (".streamlit/secrets.toml", f'password = "{PASSWORD}"\n'),
        ("notebook.ipynb", '"key = \\"' + "AIza" + "Sy" * 17 + 'x\\""\n'),
        ("train.py", "login('" + "hf_" + "aB3" * 11 + "x')\n"),
        ("train.py", "client = Client('" + "sk-" + "ant-" + "aB3_" * 10 + "')\n"),
        ("settings.py", "x = 'AccountName=a;" + "AccountKey=" + "aB3/" * 20 + "=='\n"),
        (
            "request.http",
            "Authorization: Bearer " + "eyJ" + "hbGciOiJIUzI1.eyJ" + "zdWIiOiIxMjM0." + "aB3_" * 10 + "\n",
        ),
        ("client.py", "headers = {'X-API-Key': '" + "st_" + "aB3-_xY" * 6 + "Q'}\n"),
        ("key.asc", "-----BEGIN " + "PGP PRIVATE KEY BLOCK-----\n"),
        ("credentials.json", "KEY\n"),
        ("keys/id_ed25519", "x\n"),
        ("keys/store.p12", "\0\1"),
        ("service-account-prod.json", "{}\n"),
    ],
)
def test_a_password_is_found_and_never_shown(name: str, text: str, tmp_path: Path):
    found = [(check, line) for check, line in diagnosed(tmp_path, {name: text}) if check == "secret"]
    assert len(found) == 1
    assert not any(PASSWORD in str(each) or TOKEN in str(each) for each in examine(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "https://TOKEN@push.fury.io/ACCOUNT/",
        "https://TOKEN:@pypi.fury.io/ACCOUNT/",
        "https://USER:PASSWORD@index.example/simple",
        "https://user:password@index.example/simple",
        "https://__token__:YOUR_TOKEN@index.example/",
        "https://user:your-token-here@index.example/",
        "https://$USER:$TOKEN@index.example/",
        "https://${TOKEN}:@index.example/",
        "https://ci:${{ secrets.TOKEN }}@index.example/",
        "https://ci:{{ token }}@index.example/",
        "https://ci:<token>@index.example/",
        "https://ci:%(token)s@index.example/",
        "https://ci:{token}@index.example/",
        "https://ci:****@index.example/",
        "https://ci:xxxxx@index.example/",
        "https://ci:...@index.example/",
        "https://maria@index.example/",
        "ssh://git@github.com/acme/models.git",
        "git@github.com:acme/models.git",
        "postgresql://postgres:postgres@localhost:5432/test",
        "http://127.0.0.1:8001/a@b",
        "https://index.example/x?mail=a:b@c",
    ],
)
def test_a_placeholder_is_not_a_secret(text: str, tmp_path: Path):
    assert (
        diagnosed(
            tmp_path, {"x.md": text + "\n", "Dockerfile": f"FROM python:3.11\nRUN curl {text.split(maxsplit=1)[0]}\n"}
        )
        == []
    )


def test_files_of_credentials_may_contain_placeholders(tmp_path: Path):
    text = "DB_PASSWORD=$SECRET\nTOKEN=\n# PASSWORD=x\nAPI_KEY=your-key-here\nTOKEN_FILE=/run/secrets/token\nDEBUG=1\n"
    assert diagnosed(tmp_path, {".env": text, ".env.example": f"PASSWORD={PASSWORD}\n"}) == []


@pytest.mark.parametrize(
    "name", ["secrets.py", "docs/credentials.md", "src/credentials.py", "id_rsa.pub", "data/secret.csv"]
)
def test_code_and_tables_may_be_about_secrets(name: str, tmp_path: Path):
    assert diagnosed(tmp_path, {name: "password, token\nshort, long\n"}) == []
