"""Libraries of models that a project's code imports, and that nothing installs where it is trained."""

import tomllib
from collections.abc import Iterator

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.seatrial_projects import FILE, projects_in
from seatrial.ci.doctor.tree import Tree
from seatrial.core.model_libraries import declared_libraries, imported_libraries


def check(tree: Tree) -> Iterator[Advice]:
    """Imports of libraries that neither an extra of Seatrial nor a dependency of the project brings."""
    for path, project in projects_in(tree):
        declared = declared_libraries(tomllib.loads(tree.text(path)))
        code = f"{path.removesuffix(FILE)}src/{project.package}/"
        for file in [each for each in tree.files if each.startswith(code) and each.endswith(".py")]:
            for number, line in tree.lines(file):
                for name in set(imported_libraries(line)) - set(declared):
                    hint = f'Add its extra where {path} names the toolkit: dev = ["seatrial[all,{name}]", ...].'
                    message = f"{name} is imported, and nothing in {path} installs it."
                    yield Advice(file, number, "missing-extra", message, hint)
