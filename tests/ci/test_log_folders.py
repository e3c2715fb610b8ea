"""The doctor on logs in folders that a container forgets."""

from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.ci.doctor.log_folders import check
from seatrial.ci.doctor.tree import Tree


def findings(root: Path, more: str) -> list[str]:
    make_project(root)
    with (root / "pyproject.toml").open("a") as file:
        file.write(more)
    return [f"{found.line > 1} {found.check} {found.message}" for found in check(Tree(root))]


FOLDER, SRV = '\n[tool.seatrial.log]\nto = "log"\n', '\n[tool.seatrial.log]\nto = "/srv/log"\n'
DOCKER = '\n[tool.seatrial.deploy.docker]\nrun_args = ["--volume", "{}"]\n'


@pytest.mark.parametrize(
    "more",
    [
        *("", FOLDER, '\n[tool.seatrial.log]\nto = "s3://b/x"\n[tool.seatrial.deploy.railway]\nservice = "x"\n'),
        SRV + DOCKER.format("/srv/log:/srv/log"),
        SRV + DOCKER.format("data:/srv"),
        SRV + DOCKER.format("x").replace('"--volume", "x"', '"--mount=type=volume,source=x,target=/srv/log"'),
        FOLDER + '\n[tool.seatrial.deploy.kubernetes]\nlog = "gs://b/x"\n',
        FOLDER + '\n[tool.seatrial.deploy.railway]\nlog = ""\n',
    ],
)
def test_a_log_that_is_kept(tmp_path: Path, more: str) -> None:
    assert findings(tmp_path, more) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (FOLDER + '\n[tool.seatrial.deploy.railway]\nservice = "x"\n', "railway does not log its predictions"),
        (SRV + DOCKER.format("/srv/other:/srv/other"), "docker logs to /srv/log are lost with its container"),
        (SRV + "\n[tool.seatrial.deploy.kubernetes]\nport = 8080\n", "kubernetes logs to /srv/log are lost"),
        ('\n[tool.seatrial.deploy.railway]\nlog = "/data"\n', "railway logs to /data are lost"),
    ],
)
def test_a_log_that_is_lost(tmp_path: Path, more: str, message: str) -> None:
    (found,) = findings(tmp_path, more)
    assert found.startswith("True lost-log")
    assert message in found


def test_a_target_is_known_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "deploy" / "railway").mkdir(parents=True)
    (tmp_path / "deploy" / "railway" / "railway.json").write_text("{}")
    assert len(findings(tmp_path, FOLDER)) == 1
