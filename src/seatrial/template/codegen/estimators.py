"""Pipelines that are there already: found in code without running it, or read from a fitted model as code again."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.template.codegen.identifiers import WIDTH

NAMES = frozenset(
    ["build", *(f"{verb}_{noun}" for verb in ("build", "make", "create", "get") for noun in ("pipeline", "model"))]
)
MOST_MODELS = 3
PICKLES = {".pkl", ".pickle", ".joblib"}
HEAD = '"""The estimator, {where}. What `seatrial train` prints says whether it compiles."""\n\n'


def find_builders(root: Path, package: str) -> list[str]:
    """Functions of the package that seem to make a pipeline, as `package.module:function`, by reading the code only."""
    found: list[str] = []
    source = root / "src"
    for path in sorted((source / package).rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, OSError):
            continue
        module = ".".join(path.relative_to(source).with_suffix("").parts)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not _needs(node) and _seems_to_build(node):
                found.append(f"{module}:{node.name}")
    return found


def _needs(node: ast.FunctionDef) -> bool:
    given = node.args
    return len(given.args) + len(given.posonlyargs) > len(given.defaults) or None in given.kw_defaults


def _seems_to_build(node: ast.FunctionDef) -> bool:
    returns = ast.unparse(node.returns) if node.returns else ""
    return node.name in NAMES or returns.rpartition(".")[2] in ("Pipeline", "BaseEstimator")


def fitted_models(root: Path) -> list[Path]:
    """Files that may hold a fitted model, a few of them, by their names."""
    endings = {*PICKLES, ".skops"}
    found = [path for path in sorted(root.rglob("*")) if path.suffix in endings and not _hidden(path, root)]
    return found[:MOST_MODELS]


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") or part in ("venv", "node_modules") for part in path.relative_to(root).parts)


def imported(builder: str, root: Path, package: str) -> str:
    """The text of pipeline.py for `package.module:function`; "" where that is its own `build`."""
    module, _, function = builder.partition(":")
    if not re.fullmatch(r"[\w.]+", module) or not function.isidentifier():
        raise SeatrialError(f"{builder!r} names no function.", hint=f"For example {package}.model:make_pipeline.")
    parts = module.split(".")
    path = root / "src" / Path(*parts)
    if parts[0] != package or not (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()):
        raise SeatrialError(
            f"{module} is not in src/{package}/, which is all that a release holds.",
            hint=f"Move it there, and name it {package}.{parts[-1]}:{function}.",
        )
    if (module, function) == (f"{package}.pipeline", "build"):
        return ""
    name = f"{function} as build" if function != "build" else "build"
    return f'{HEAD.format(where=f"as {module} makes it")}from {module} import {name}\n\n__all__ = ["build"]\n'


def from_fitted(path: Path, *, load_pickle: bool = False, trust: tuple[str, ...] = ()) -> str:
    """The text of a pipeline.py that makes the same estimator, unfitted, as the one in a file.

    A skops file is data, and is read if all its types are scikit-learn's or in `trust`. A pickle runs what is in it.
    """
    if not path.is_file():
        raise SeatrialError(f"{path} does not exist.", hint="Name a fitted model, saved with skops.")
    if path.suffix in PICKLES:
        if not load_pickle:
            raise SeatrialError(
                f"{path.name} is a pickle: reading it runs whatever somebody put into it.",
                hint="If it is yours, say --load-pickle; or save it with skops.io.dump.",
            )
        import joblib

        return code_of(joblib.load(path), path.name)
    import skops.io

    try:
        unknown = [name for name in skops.io.get_untrusted_types(file=path) if name not in trust]
        if unknown:
            raise SeatrialError(
                f"{path.name} holds types that are not scikit-learn's: {', '.join(unknown[:5])}.",
                hint="If you know them: " + " ".join(f"--trust {name}" for name in unknown[:5]),
            )
        return code_of(skops.io.load(path, trusted=list(trust)), path.name)
    except SeatrialError:
        raise
    except Exception as error:
        raise SeatrialError(f"{path.name} cannot be read by skops: {type(error).__name__}: {error}") from None


def code_of(model: Any, where: str) -> str:
    """An estimator as code that makes it, unfitted; proven by running it."""
    import sklearn
    from sklearn.base import clone

    try:
        plain = clone(model)
    except TypeError:
        raise SeatrialError(
            f"{where} holds a {type(model).__name__}, which is no estimator of scikit-learn's."
        ) from None
    with sklearn.config_context(print_changed_only=True):
        made = plain.__repr__(N_CHAR_MAX=10**7)
    classes = {type(value) for value in _parts(plain)}
    imports = "".join(
        f"from {_home(kind)} import {kind.__name__}\n" for kind in sorted(classes, key=lambda k: (_home(k), k.__name__))
    )
    if "nan" in re.findall(r"\bnan\b", made):
        imports = f"from numpy import nan\n{imports}"
    name = type(plain).__name__
    text = (
        f"{HEAD.format(where=f'as {where} has it')}{imports}\n\ndef build() -> {name}:\n"
        f'    """Make the unfitted estimator."""\n    return {made}\n'
    )
    text = _formatted(text)
    space: dict[str, Any] = {}
    try:
        exec(compile(text, "pipeline.py", "exec"), space)  # noqa: S102 - written here, of names and parameters
        same = repr(space["build"]()) == repr(plain)
    except Exception:
        same = False
    if not same:
        raise SeatrialError(
            f"{where} has a {name} that cannot be written as code: a parameter is more than a plain value.",
            hint="Put the function that makes it into the package, and name it with --pipeline.",
        )
    return text


def _formatted(text: str) -> str:
    """As the project's own lint wants it, where ruff is at hand; scikit-learn breaks lines in its own way."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "-"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    return done.stdout.decode() if done.returncode == 0 and done.stdout else text


def _parts(model: Any) -> list[Any]:
    """An estimator and all those inside of it."""
    from sklearn.base import BaseEstimator

    return [model, *(v for v in model.get_params(deep=True).values() if isinstance(v, BaseEstimator))]


def _home(kind: type) -> str:
    """The module that people import a class from: without scikit-learn's private ones."""
    parts = kind.__module__.split(".")
    return ".".join(part for part in parts if not part.startswith("_"))
