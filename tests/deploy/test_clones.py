"""Several clones of one project on one machine, as each pipeline makes one: they share the service, and what git knows."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from tests.deploy.yard import COMMAND, PACKAGE, Yard
from tests.serve.serving import until

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.deploy.target_state import TargetState

pytestmark = pytest.mark.slow
INIT = f"src/{PACKAGE}/__init__.py"


def fixed(yard: Yard) -> int:
    """Give the service a port of its own, and commit that, as a project has it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    yard.settings(f"port = {port}")
    yard.git("commit", "--quiet", "-am", "Fix the port")
    return port


def clone_of(yard: Yard, folder: Path) -> Yard:
    """Another clone on the same machine, with the same trials and index but nothing else that git does not hold."""
    yard.git("clone", "--quiet", str(yard.root), str(folder))
    for name in ("index", "trials"):
        shutil.copytree(yard.root / ".seatrial" / name, folder / ".seatrial" / name)
    other = Yard(folder)
    other.git("config", "user.name", "Bob Tester")
    other.git("config", "user.email", "bob@example.invalid")
    return other


def test_another_clone_switches_the_service_that_it_knows_and_outlives_the_first(yard: Yard, tmp_path: Path) -> None:
    port = fixed(yard)
    yard.ok("deploy", "local", "0.1.0")
    assert not (yard.root / ".seatrial" / "local").exists()
    other = clone_of(yard, tmp_path / "other")
    supervisor = other.local()._control.folder
    shutil.rmtree(yard.root)  # as the home of a CI job is
    yard.root = other.root  # whose service `close` ends
    assert "0.1.0 serves on local already" in other.ok("deploy", "local", "0.1.0")
    os.kill(other.status()["pid"], signal.SIGKILL)
    until(lambda: other.status()["restarts"] == 1)
    assert other.answered() == "0.1.0"
    other.ok("deploy", "local", "0.2.0")
    assert (other.answered(), other.status()["port"]) == ("0.2.0", port)
    other.ok("rollback", "local")
    assert (other.answered(), other.status()["port"]) == ("0.1.0", port)
    assert len(list((supervisor / "wheels").iterdir())) == 1


def test_a_clone_that_does_not_know_what_serves_leaves_it_alone(yard: Yard, tmp_path: Path) -> None:
    port = fixed(yard)
    first = clone_of(yard, tmp_path / "first")  # before anything was deployed
    yard.ok("deploy", "local", "0.1.0")
    second = clone_of(yard, tmp_path / "second")
    yard.ok("deploy", "local", "0.2.0")
    before, pid = yard.traces(), yard.status()["pid"]
    for stale, commands in ((first, ["deploy"]), (second, ["deploy", "rollback"])):
        for command in commands:
            traces = stale.traces()
            done = stale.run(command, "local")
            assert done.returncode == 1
            assert f"serves on port {port}, and this clone knows nothing of it." in done.stderr
            assert "`git pull` first, or stop that service: `seatrial deploy local --stop`." in done.stderr
            assert stale.traces() == traces
    first.local().settle(None, print)  # as after a first deployment that was cut off
    pinned = TargetState(find_project(second.root), "local").current()
    assert pinned is not None
    with pytest.raises(SeatrialError, match="knows nothing of it"):
        second.local()._refuse_unknown(second.local()._control.status())
    assert (yard.answered(), yard.status()["pid"], yard.traces()) == ("0.2.0", pid, before)
    second.git("pull", "--quiet")
    second.ok("rollback", "local")
    assert yard.answered() == "0.1.0"
    assert "local is stopped" in first.run("deploy", "local", "--stop").stderr


def test_two_clones_at_the_same_moment_are_one_after_the_other_and_the_second_is_told(
    yard: Yard, tmp_path: Path
) -> None:
    fixed(yard)
    yard.ok("deploy", "local", "0.1.0")
    other = clone_of(yard, tmp_path / "other")
    yard.pass_trial("0.3.0", "0.1.0")
    commands = [
        subprocess.Popen([*COMMAND, "deploy", "local", version], cwd=where.root, stderr=subprocess.PIPE, text=True)
        for where, version in ((yard, "0.2.0"), (other, "0.3.0"))
    ]
    said = [command.communicate(timeout=120)[1] for command in commands]
    codes = [command.returncode for command in commands]
    assert sorted(codes) == [0, 1], said
    winner, loser = (yard, other) if codes[0] == 0 else (other, yard)
    words = said[codes.index(1)]
    assert "knows nothing of it" in words or "Another clone deployed at this very moment." in words
    assert winner.answered() == winner.pinned()
    assert loser.pinned() == "0.1.0"


def test_a_port_that_is_changed_in_the_settings_does_not_lose_the_service(yard: Yard) -> None:
    port = fixed(yard)
    yard.ok("deploy", "local", "0.1.0")
    yard.settings("port = 0")
    assert yard.answered() == "0.1.0"
    fixed(yard)
    done = yard.run("deploy", "local", "0.2.0")
    assert done.returncode == 1
    assert f"It serves on 127.0.0.1:{port}, and the settings say" in done.stderr
    assert "local is stopped" in yard.run("deploy", "local", "--stop").stderr
    yard.ok("deploy", "local", "0.2.0")
    assert yard.answered() == "0.2.0"


def test_a_version_that_a_retrain_raised_is_committed_with_its_pin_and_nothing_else_is(yard: Yard) -> None:
    init = yard.root / "src" / PACKAGE / "__init__.py"
    first = init.read_text()
    init.write_text(first.replace('"0.1.0"', '"0.2.0"'))
    yard.ok("deploy", "local", "0.1.0")
    assert INIT in yard.git("status", "--porcelain")  # it is not the version that is deployed
    yard.ok("deploy", "local", "0.2.0")
    assert yard.git("status", "--porcelain") == ""
    assert sorted(yard.git("show", "--name-only", "--format=").split()) == [
        "deploy/local/history.jsonl",
        "deploy/local/requirements.txt",
        INIT,
    ]
    raised = first.replace('"0.1.0"', '"0.3.0"')
    init.write_text(raised + "# half done\n")
    yard.ok("deploy", "local", "0.3.0")
    assert INIT in yard.git("status", "--porcelain")
    init.write_text(raised)
    yard.git("add", INIT)  # staged: somebody is about to commit it
    yard.ok("deploy", "local", "0.3.0")
    assert INIT in yard.git("status", "--porcelain")
    yard.git("reset", "--quiet", INIT)
    yard.ok("rollback", "local")  # to 0.2.0, which is what git has
    assert INIT in yard.git("status", "--porcelain")
    assert init.read_text() == raised
