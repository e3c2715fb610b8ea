"""Pipelines that exist already: finds them in code without running it, and converts fitted models back to code."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.template.codegen.literals import WIDTH
from seatrial.template.command import run_text

NAMES = frozenset(
    ["build", *(f"{verb}_{noun}" for verb in ("build", "make", "create", "get") for noun in ("pipeline", "model"))]
)
MOST_MODELS = 3
PICKLES = {".pkl", ".pickle", ".joblib"}
HEAD = '"""The estimator, {where}. `seatrial train` reports whether it compiles."""\n\n'


def find_builders(root: Path, package: str) -> list[str]:
    """Functions that seem to build a pipeline, as `package.module:function`; the code is only parsed."""
    builders: list[str] = []
    source = root / "src"
    for path in sorted((source / package).rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, OSError):
            continue
        module = ".".join(path.relative_to(source).with_suffix("").parts)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and _seems_to_build(node):
                builders.append(f"{module}:{node.name}")
    return builders


def _seems_to_build(node: ast.FunctionDef) -> bool:
    """Whether it can be called without arguments, and its name or its annotation says that it returns a pipeline."""
    parameters = node.args
    required = len(parameters.args) + len(parameters.posonlyargs) > len(parameters.defaults)
    returns = ast.unparse(node.returns).rpartition(".")[2] if node.returns else ""
    named = node.name in NAMES or returns in ("Pipeline", "BaseEstimator")
    return named and not required and None not in parameters.kw_defaults


def fitted_models(root: Path) -> list[Path]:
    """The first files that may contain a fitted model, by their names."""
    hidden = re.compile(r"(^|/)(\.|(venv|node_modules)/)")
    models = [path for path in sorted(root.rglob("*")) if path.suffix in {*PICKLES, ".skops"}]
    return [path for path in models if not hidden.search(path.relative_to(root).as_posix())][:MOST_MODELS]


def imported(builder: str, root: Path, package: str) -> str:
    """The text of pipeline.py for `package.module:function`; "" if that is its own `build`."""
    module, _, function = builder.partition(":")
    if not re.fullmatch(r"[\w.]+", module) or not function.isidentifier():
        raise SeatrialError(f"{builder!r} does not name a function.", hint=f"Example: {package}.model:make_pipeline.")
    parts = module.split(".")
    path = root / "src" / Path(*parts)
    if parts[0] != package or not (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()):
        raise SeatrialError(
            f"{module} is not in src/{package}/, and a release contains nothing else.",
            hint=f"Move it there, and use {package}.{parts[-1]}:{function}.",
        )
    if (module, function) == (f"{package}.pipeline", "build"):
        return ""
    name = f"{function} as build" if function != "build" else "build"
    return f'{HEAD.format(where=f"built by {module}")}from {module} import {name}\n\n__all__ = ["build"]\n'


def from_fitted(path: Path, *, load_pickle: bool = False, trust: tuple[str, ...] = ()) -> str:
    """The text of a pipeline.py that builds the estimator in a file, unfitted.

    A skops file is data, and is read if all its types are scikit-learn's or in `trust`. Loading a pickle runs its code.
    """
    if not path.is_file():
        raise SeatrialError(f"{path} does not exist.", hint="Name a fitted model, saved with skops.")
    if path.suffix in PICKLES:
        if not load_pickle:
            raise SeatrialError(
                f"{path.name} is a pickle, and loading it runs any code that it contains.",
                hint="If you trust it, add --load-pickle; or save the model with skops.io.dump.",
            )
        import joblib

        return code_of(joblib.load(path), path.name)
    import skops.io

    try:
        unknown = [name for name in skops.io.get_untrusted_types(file=path) if name not in trust]
        if unknown:
            raise SeatrialError(
                f"{path.name} contains types that are not scikit-learn's: {', '.join(unknown[:5])}.",
                hint="If you trust them: " + " ".join(f"--trust {name}" for name in unknown[:5]),
            )
        return code_of(skops.io.load(path, trusted=list(trust)), path.name)
    except SeatrialError:
        raise
    except Exception as error:
        raise SeatrialError(f"{path.name} cannot be read with skops: {type(error).__name__}: {error}") from None


def code_of(model: Any, where: str) -> str:
    """An estimator as code that builds it, unfitted; the code is run to check that."""
    import sklearn
    from sklearn.base import BaseEstimator, clone

    try:
        plain = clone(model)
    except TypeError:
        raise SeatrialError(
            f"{where} contains a {type(model).__name__}, which is not a scikit-learn estimator."
        ) from None
    with sklearn.config_context(print_changed_only=True):
        expression = plain.__repr__(N_CHAR_MAX=10**7)
    classes = {type(part) for part in (plain, *plain.get_params().values()) if isinstance(part, BaseEstimator)}
    names = sorted((_public_module(kind), kind.__name__) for kind in classes)
    imports = "".join(f"from {module} import {name}\n" for module, name in names)
    if "nan" in re.findall(r"\bnan\b", expression):
        imports = f"from numpy import nan\n{imports}"
    name = type(plain).__name__
    text = (
        f"{HEAD.format(where=f'as in {where}')}{imports}\n\ndef build() -> {name}:\n"
        f'    """Build the unfitted estimator."""\n    return {expression}\n'
    )
    text = _formatted(text)
    try:
        same = repr(run_text("pipeline", text, "pipeline.py").build()) == repr(plain)
    except Exception:
        same = False
    if not same:
        raise SeatrialError(
            f"{where} contains a {name} that cannot be written as code: a parameter is not a plain value.",
            hint="Put a function that builds it into the package, and name it with --pipeline.",
        )
    return text


def _formatted(text: str) -> str:
    """In the project's own format if ruff is available; scikit-learn breaks lines differently."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "-"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    return done.stdout.decode() if done.returncode == 0 and done.stdout else text


def _public_module(kind: type) -> str:
    """The module to import a class from, without scikit-learn's private submodules."""
    parts = kind.__module__.split(".")
    return ".".join(part for part in parts if not part.startswith("_"))
