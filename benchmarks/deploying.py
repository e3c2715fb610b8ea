"""Deployments and rollbacks under a constant load, and how long they take: `python -m benchmarks.deploying`.

Uses the wheel of the reference project that `make demo` or `seatrial build` made, and makes a second version of it.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.deploy.load_generator import LoadProcess
from tests.deploy.project_repo import ProjectRepo, reversion

from seatrial.core.files import to_json
from seatrial.release import open_index, publish_toolkit

ROUNDS = 10
TITANIC = Path(__file__).parent.parent / "titanic"
RESULT = Path(__file__).parent / "results" / "deploying.jsonl"


def main() -> None:
    """Measure, print, and save the figures."""
    built = sorted((TITANIC / "dist").glob("*.whl"))
    if not built:
        raise SystemExit("titanic/dist has no wheel. Run `seatrial build --project titanic` first.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = open_index(folder / "index")
        publish_toolkit(index)
        for version in ("0.1.0", "0.2.0"):
            index.publish([reversion(built[-1], version, folder)])
        repo = ProjectRepo.make(TITANIC, folder / "titanic", folder / "index")
        repo.pass_trial("0.1.0", None)
        repo.pass_trial("0.2.0", "0.1.0")
        try:
            figures = measure(repo)
        finally:
            repo.close()
    print(to_json(figures))
    RESULT.parent.mkdir(exist_ok=True)
    with RESULT.open("a") as file:
        file.write(json.dumps(figures) + "\n")


def measure(repo: ProjectRepo) -> dict[str, object]:
    """Deploy and roll back ten times each, under 200 requests a second."""
    repo.ok("deploy", "local", "0.1.0")
    repo.ok("deploy", "local", "0.2.0")
    repo.ok("rollback", "local")
    took: dict[str, list[float]] = {"deploy": [], "rollback": []}
    with LoadProcess(repo.status()["port"]) as load:
        for _ in range(ROUNDS):
            for command in (("deploy", "local", "0.2.0"), ("rollback", "local")):
                clock = time.monotonic()
                repo.ok(*command)
                took[command[0]].append(time.monotonic() - clock)
    result = load.result
    return {
        "requests": result["sent"],
        "per second": round(result["per_second"], 1),
        "lost": len(result["lost"]),
        "without their release": result["unlabelled"],
        "slowest answer, s": round(result["slowest"], 3),
        "answered by": result["answered"],
        **{f"{name}, s, median": round(statistics.median(times), 2) for name, times in took.items()},
        **{f"{name}, s, at most": round(max(times), 2) for name, times in took.items()},
    }


if __name__ == "__main__":
    main()
