"""Runs a text of Python as a module, without a file."""

import sys
import types


def run_text(name: str, text: str, where: str) -> types.ModuleType:
    """Run a text as the module `name`, which an import never finds; `where` is what its errors call the file."""
    module = types.ModuleType(f"seatrial_text_{name}")
    sys.modules[module.__name__] = module  # Pydantic and get_type_hints look their module up there
    try:
        exec(compile(text, where, "exec"), module.__dict__)  # noqa: S102 - written here, or the project's own code
    finally:
        del sys.modules[module.__name__]
    return module
