"""Real clusters on this machine for the engines' tests: all on 127.0.0.1, with a Python that has no Seatrial."""

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

HOST = "127.0.0.1"
# Whatever asks for something outside of this machine fails at once.
NOWHERE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
NOWHERE |= {"NO_PROXY": HOST, "no_proxy": HOST}


def bare_python(folder: Path) -> Path:
    """A virtual environment with the libraries of this one, but neither Seatrial nor a release."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # A path in a .pth file is searched for packages, but not for more .pth files, as that of the checkout.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = folder / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "import numpy, onnxruntime, pyarrow; import seatrial"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named 'seatrial'" in found.stderr
    return python


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def end(process: "subprocess.Popen[Any]") -> None:
    """End a process that a test started, with all that it started."""
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait(30)


def kill_one(root: "subprocess.Popen[Any]", words: str, *, without: str = "\0") -> int:
    """kill -9 the first process below `root` whose command line has these words and not those; returns its id."""
    for each in psutil.Process(root.pid).children(recursive=True):
        try:
            command = " ".join(each.cmdline())
            if words in command and without not in command:
                each.send_signal(signal.SIGKILL)
                return each.pid
        except psutil.NoSuchProcess:
            continue
    raise AssertionError(f"no process with {words!r}")


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    end_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_at, what
        time.sleep(0.05)


class SparkCluster:
    """A standalone master with two workers of one processor each."""

    def __init__(self, folder: Path, python: Path) -> None:
        import pyspark

        self.folder, self.python = folder, python
        self.home = Path(pyspark.__file__).parent
        self.port = free_port()
        self.url = f"spark://{HOST}:{self.port}"
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("SPARK", "PYSPARK", "PYTHONPATH"))
            },
            **NOWHERE,
            "SPARK_HOME": str(self.home),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_LOCAL_DIRS": str(folder / "local"),
            "SPARK_WORKER_DIR": str(folder / "work"),
            "SPARK_NO_DAEMONIZE": "1",
            "PYSPARK_PYTHON": str(python),
            "PYSPARK_DRIVER_PYTHON": str(python),
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> "SparkCluster":
        ports = ["--host", HOST, "--webui-port", "0"]
        self._run("master", "org.apache.spark.deploy.master.Master", *ports, "--port", str(self.port))
        wait_until(lambda: "I have been elected leader" in self.log("master"), "the master does not start")
        for number in range(2):
            self._run(
                f"worker-{number}",
                "org.apache.spark.deploy.worker.Worker",
                *ports,
                "--cores",
                "1",
                "--memory",
                "1g",
                self.url,
            )
        for number in range(2):
            wait_until(lambda n=number: "Successfully registered" in self.log(f"worker-{n}"), "a worker does not start")
        return self

    def _run(self, name: str, main: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [str(self.home / "bin" / "spark-class"), main, *arguments]
            self.processes.append(
                subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.folder)
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def submit(self, *arguments: object, **settings: str) -> "subprocess.Popen[str]":
        """Start spark-submit with the words of a job; settings are written with _ for a dot."""
        given = {
            "spark.driver.host": HOST,
            "spark.driver.bindAddress": HOST,
            "spark.ui.enabled": "false",
            "spark.executor.memory": "512m",
            **{f"spark.executorEnv.{name}": value for name, value in NOWHERE.items()},
            **settings,
        }
        words = [word for name, value in given.items() for word in ("--conf", f"{name}={value}")]
        command = [str(self.home / "bin" / "spark-submit"), "--master", self.url, *words, *map(str, arguments)]
        return subprocess.Popen(
            command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def stop(self) -> None:
        for process in reversed(self.processes):
            end(process)


RAY_NODES = """
import sys, time
from ray.cluster_utils import Cluster

each = {"num_cpus": 2, "object_store_memory": 200 << 20, "node_ip_address": "127.0.0.1", "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={**each, "gcs_server_port": int(sys.argv[1])})
cluster.add_node(**each)
cluster.wait_for_nodes()
print("two nodes", flush=True)
time.sleep(3600)
"""


class RayCluster:
    """A head and another node of two processors each."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder, self.python = folder, python
        self.port = free_port()
        self.address = f"{HOST}:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RAY", "PYTHONPATH"))},
            **NOWHERE,
            "HOME": str(folder),
            "RAY_TMPDIR": str(folder),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "disabled",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # 127.0.0.1 stays what it is, and servers listen there alone
            "RAY_ADDRESS": self.address,
            "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> "RayCluster":
        (self.folder / "ray").mkdir(exist_ok=True)
        with (self.folder / "nodes.log").open("wb") as log:
            command = [str(self.python), "-c", RAY_NODES, str(self.port)]
            nodes = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.folder)
        self.processes.append(nodes)
        written = self.folder / "nodes.log"
        wait_until(lambda: "two nodes" in written.read_text(errors="replace") or nodes.poll() is not None, "no nodes")
        assert nodes.poll() is None, written.read_text(errors="replace")
        return self

    def run(self, *arguments: object, working_dir: Path) -> "subprocess.Popen[str]":
        """Start a driver as `ray job submit --working-dir` does on the head."""
        import json

        config = {"runtime_env": {"working_dir": str(working_dir), "env_vars": NOWHERE}}
        environment = {**self.environment, "RAY_JOB_CONFIG_JSON_ENV_VAR": json.dumps(config)}
        command = [str(self.python), *map(str, arguments)]
        return subprocess.Popen(
            command, env=environment, cwd=working_dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def stop(self) -> None:
        for process in reversed(self.processes):
            end(process)


@contextmanager
def running(cluster: Any) -> Iterator[Any]:
    try:
        yield cluster.start()
    finally:
        cluster.stop()
