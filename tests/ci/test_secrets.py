"""Passwords and tokens in files that git keeps, wherever they stand; and what only stands for one."""

from pathlib import Path

import pytest
from tests.ci.trees import GITLAB, WORKFLOW, github, looked_at, run

from seatrial.ci.doctor import examine

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
    ],
)
def test_a_password_is_found_wherever_it_stands(name: str, text: str, tmp_path: Path):
    found = [(check, line) for check, line in looked_at(tmp_path, {name: text}) if check == "secret"]
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
def test_what_only_stands_for_one_is_none(text: str, tmp_path: Path):
    assert (
        looked_at(
            tmp_path, {"x.md": text + "\n", "Dockerfile": f"FROM python:3.11\nRUN curl {text.split(maxsplit=1)[0]}\n"}
        )
        == []
    )


def test_files_of_credentials_may_name_what_belongs_there(tmp_path: Path):
    text = "DB_PASSWORD=$SECRET\nTOKEN=\n# PASSWORD=x\nAPI_KEY=your-key-here\nTOKEN_FILE=/run/secrets/token\nDEBUG=1\n"
    assert looked_at(tmp_path, {".env": text, ".env.example": f"PASSWORD={PASSWORD}\n"}) == []


def test_a_releasing_jobs_secrets_of_the_repository_are_open_to_every_branch(tmp_path: Path):
    env = {"env": "{TOKEN: '${{ secrets.RAILWAY_TOKEN }}'}"}
    main = "    if: github.ref == 'refs/heads/main'\n"
    text = github(run("seatrial trial") + run("railway up", **env), job=main)
    ((check, line),) = looked_at(tmp_path, {WORKFLOW: text})
    assert (check, line) == ("open-secret", env["env"].join(("env: ", "")))
    (found,) = examine(tmp_path)
    assert "RAILWAY_TOKEN" in found.message
    assert "environment" in found.hint
    for harmless in (
        text.replace(main, main + "    environment: production\n"),  # whose branches are not to be seen here
        text.replace("secrets.RAILWAY_TOKEN", "secrets.GITHUB_TOKEN"),
        text.replace("secrets.RAILWAY_TOKEN", "vars.NAME"),
        text.replace("railway up", "ls"),
    ):
        assert looked_at(tmp_path, {WORKFLOW: harmless}) == [], harmless
    for_all = text.replace("on: push\n", "on: push\nenv: {T: '${{ secrets.T }}'}\n")
    assert ("open-secret", "env: {T: '${{ secrets.T }}'}") in looked_at(tmp_path, {WORKFLOW: for_all})
