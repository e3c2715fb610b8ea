"""Makes an installed release read or keep what a feature function must not. Loaded by path, in its environment.

The fault is code that counts as the package's own `features.py`, so that it is found, or missed, as there.
`behaviour_faults` lists the faults. Only the standard library is used.
"""

import importlib.util
from pathlib import Path
from typing import Any

# Each defines `fault`, called with the engine's inputs, which returns how far the scores are moved.
SOURCES = {
    "clock": "def fault(*row):\n    return 0.5 if datetime.date.today().year > THIS_YEAR else 0.0",
    "variable": "def fault(*row):\n    return 0.5 if os.environ.get('SERVING_REGION') else 0.0",
    "file": "def fault(*row):\n    return 0.5 if os.path.exists('/etc/serving-region.csv') else 0.0",
    "random": "def fault(*row):\n    return 0.5 * random.random()",
    "leak": "def fault(*row):\n    KEPT.append(bytearray(20_000))\n    return 0.0",
    "cache": "def fault(*row):\n    KNOWN[str([part.tolist() for part in row])] = [0.0]\n    return 0.0",
    "state": "def fault(*row):\n    KEPT.append(0)\n    return 0.5 if len(KEPT) > CALLS else 0.0",
}
IMPORTS = "import datetime, os, random\nKEPT, KNOWN = [], {}\n"


def apply(release: Any, name: str, parameters: dict[str, Any]) -> None:
    """Inject a fault into a release; `parameters` has this year, and the calls after which a state shows."""
    found = importlib.util.find_spec(release.package)
    folder = next(iter((found.submodule_search_locations if found else None) or [""]))
    own: dict[str, Any] = {"CALLS": parameters["calls"], "THIS_YEAR": parameters["year"]}
    exec(compile(IMPORTS + SOURCES[name], str(Path(folder) / "features.py"), "exec"), own)  # noqa: S102 - our own text
    engine, fault = release.engine, own["fault"]

    def faulty_engine(numbers: Any, strings: Any) -> Any:
        scores, moved = engine(numbers, strings), fault(numbers, strings)
        return scores if not moved else _moved(scores, moved)

    release.engine = faulty_engine


def _moved(scores: Any, by: float) -> Any:
    """Scores that are further towards equal probabilities, or predictions that are larger."""
    return scores * (1 - by) + by / scores.shape[1] if scores.ndim == 2 else scores * (1 + by) + by
