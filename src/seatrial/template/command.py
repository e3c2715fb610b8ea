"""Runs Python source as a module, without a file."""

import sys
import types


def run_text(name: str, text: str, where: str) -> types.ModuleType:
    """Run source text as a module called `name` that cannot be imported; `where` is the file name in its errors."""
    module = types.ModuleType(f"seatrial_text_{name}")
    sys.modules[module.__name__] = module  # Pydantic and get_type_hints look up the module there
    try:
        exec(compile(text, where, "exec"), module.__dict__)  # noqa: S102 - generated here, or the project's own code
    finally:
        del sys.modules[module.__name__]
    return module
