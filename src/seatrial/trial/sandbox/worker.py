"""The script that runs inside a sandbox's environment: `python -I worker.py FOLDER`.

It reads FOLDER/request.json, does the jobs, and writes one .npy file for each matrix of scores and at last
FOLDER/answer.json; no file is ever written in part. It uses the standard library, numpy and the installed release. The
Seatrial in that environment may be older, so only the documented interface of a release is used: `package.release`,
`package.predict`, `package.__version__`. What the model prints goes elsewhere and cannot disturb the answer.
"""

import importlib
import importlib.util
import json
import os
import sys
import sysconfig
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

EXIT_FAILED, EXIT_MEMORY = 3, 4
MORE_JOBS = {"endurance": "endurance", "cost": "timing"}  # and the files that do them
PLACES = ("surroundings", "moved_clock", "outside_reads", "outside_sources")  # for a process in other conditions
PARTS = ("confinement", "kernel_limits", "jobs", *MORE_JOBS.values())
HERE = Path(__file__).parent
_ours = {os.path.abspath(__file__)}  # noqa: PTH100 - the trial's own files, as they are loaded
_faults: dict[str, dict[str, Any]] = {}  # the globals of their files
_dumps, _exit = json.dumps, os._exit  # bound before any model can replace them


def main(folder: Path) -> None:
    """Do all jobs, and end the process without running anything that the model left behind."""
    request = json.loads((folder / "request.json").read_bytes())
    sys.dont_write_bytecode = True  # an environment is nobody's to write
    confinement, kernel, jobs, *more = (_load(name, HERE / f"{name}.py") for name in PARTS)
    for kind, module in zip(MORE_JOBS, more, strict=True):
        jobs.JOBS[kind] = partial(module.measure, tools=jobs)
    confinement.die_with_parent(request["parent"])
    confinement.limit(request["memory_mb"], request["cpu_seconds"])
    alone = confinement.leave_network()
    files = (request["readable"], [str(folder)]) if request["readable"] else ()
    within = kernel.confine(*files) if files else False
    if files and not within and not kernel.missing():
        sys.exit("The kernel did not confine this process, although it can.")
    elsewhere = _surroundings(request, HERE)  # before the guard, which would keep refused files from its sight
    guard = confinement.Guard(*files)
    code, answer = EXIT_FAILED, {"failure": ""}
    try:
        answer = _answer(jobs, request, folder, elsewhere)
        code = 0
    except MemoryError:
        _exit(EXIT_MEMORY)
    except jobs.JobError as error:
        answer["failure"] = str(error)
        if error.__cause__:
            traceback.print_exception(error.__cause__)
    except SystemExit as error:
        answer["failure"] = f"called sys.exit({error.code!r})"
    except BaseException as error:  # the model may raise anything
        answer["failure"] = f"failed: {jobs.as_line(error, request['package'])}"
        traceback.print_exception(error)
    try:
        content = _dumps({**answer, "attempts": guard.attempts, "namespace": alone or within}, default=str).encode()
        _write_whole(folder / "answer.json", content)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except MemoryError:
        code = EXIT_MEMORY
    except BaseException:
        code = EXIT_FAILED
    finally:
        _exit(code)


def _surroundings(request: dict[str, Any], here: Path) -> Any:
    """What makes this process one that runs elsewhere; None in an ordinary one."""
    if not request.get("conditions"):
        return None
    own, *modules = (_load(name, here / f"{name}.py") for name in PLACES)
    return own.Surroundings(request["conditions"], *modules, request["package"])


def _answer(jobs: Any, request: dict[str, Any], folder: Path, elsewhere: Any) -> dict[str, Any]:
    if elsewhere:
        elsewhere.enter()
    installed = _Installed(jobs, request["package"], request["threads"])
    if elsewhere:
        elsewhere.loaded()
    answers = []
    for position, job in enumerate(request["jobs"]):
        if elsewhere:
            elsewhere.before(job)
        work: Callable[..., dict[str, Any]] = jobs.JOBS[job["kind"]]
        kept = vars(installed.release).copy()
        try:
            if job["fault"]:
                _inject_fault(installed.release, **job["fault"])
            answers.append(work(installed, job, folder / str(position)))
        except jobs.JobError as error:
            if not job["fault"]:
                raise
            answers.append({"failure": str(error)})
        finally:
            vars(installed.release).clear()
            vars(installed.release).update(kept)
    installed.check_origin()  # again, for what was imported late
    cost = {"load_seconds": installed.load_seconds, "memory_mb": jobs.memory_mb()}
    return {"jobs": answers, **cost, "elsewhere": elsewhere.result() if elsewhere else {}}


def _inject_fault(release: Any, file: str, name: str, parameters: dict[str, Any]) -> None:
    """Inject a fault into the release object; its own attributes are restored after the job.

    Its file is compiled here: Python would look for it in a `__pycache__` that a confined process may not read, which
    would count as an attempt of the candidate's.
    """
    if file not in _faults:
        _ours.add(_absolute(file))
        _faults[file] = {"__name__": f"_seatrial_{Path(file).stem}", "__file__": file}
        exec(compile(Path(file).read_bytes(), file, "exec"), _faults[file])  # noqa: S102 - the trial's own file
    _faults[file]["apply"](release, name, parameters)


class _Installed:
    """The installed release, loaded, and how long loading took."""

    def __init__(self, jobs: Any, name: str, threads: int) -> None:
        began = time.perf_counter()
        self._jobs = jobs
        try:
            self.package = importlib.import_module(name)
        except Exception as error:
            jobs.stop_out_of_memory(error)
            raise jobs.JobError(f"cannot be imported: {jobs.as_line(error, name)}") from error
        for needed in ("release", "predict", "__version__"):
            if not hasattr(self.package, needed):
                raise jobs.JobError(f"is not a release: its package {name} has no `{needed}`")
        self.release = self.package.release
        if hasattr(self.release, "threads"):  # a release made by an older version may not have it
            self.release.threads = threads
        self.check_origin()
        try:
            self.metadata = self.release.metadata
            self.columns = self.release.columns
            self.release.load()
        except Exception as error:
            jobs.stop_out_of_memory(error)
            raise jobs.JobError(f"cannot be loaded: {jobs.as_line(error, name)}") from error
        self.load_seconds = time.perf_counter() - began
        self.classes = [str(label) for label in self.metadata.classes]
        self.width = len(self.classes) or 1

    @property
    def predict(self) -> Callable[[Any], Any]:
        """The package's predict(); if that is the release's, the one that a fault may have replaced."""
        own: Callable[[Any], Any] = self.package.predict
        bound: Callable[[Any], Any] = getattr(self.release, "predict", own)
        return bound if getattr(own, "__self__", None) is self.release else own

    def check_origin(self) -> None:
        """Refuse a model of which any part was loaded from outside its environment, for example from the checkout."""
        places = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
        places[f"{self.package.__name__}.artifacts"] = getattr(self.release, "artifacts", None)
        paths = sysconfig.get_paths()
        site, platform, library, more = (
            _absolute(paths[name]) for name in ("purelib", "platlib", "stdlib", "platstdlib")
        )
        for name, place in places.items():
            path = _absolute(place)
            if not place or path in _ours or _below(path, site, platform):
                continue
            of_model = name.partition(".")[0] == self.package.__name__
            foreign = {"site-packages", "dist-packages"}.intersection(Path(path).parts)
            if of_model or foreign or not _below(path, library, more):
                raise self._jobs.JobError(f"imported {name} from {path}, not from its wheel in {site}")


def _absolute(path: Any) -> str:
    return os.path.abspath(str(path))  # noqa: PTH100 - does not follow links: an installer may link to its cache


def _below(path: str, *roots: str) -> bool:
    return any(path.startswith(root + os.sep) for root in roots)


def _load(name: str, path: Path) -> Any:
    """Load a file by its path, once: nothing is imported from the trial's own package."""
    name = f"_seatrial_{name}"
    _ours.add(_absolute(path))
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    requested = Path(sys.argv[1])
    # A model that asks how it was started sees what it sees in a server.
    __file__ = os.path.join(sysconfig.get_paths()["purelib"], "seatrial", "serve", "__main__.py")  # noqa: PTH118
    sys.argv[:] = [__file__]
    main(requested)
