"""The process in which an export is read by a project's own schema: `export_worker ROOT DATA FOLDER`.

A trial reads the rows of `--data` so: the schema is the project's code, and the judge runs none. The answer is one JSON
object: the path of the copy, or what is wrong with the export.
"""

import json
import sys
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.core.results import results
from seatrial.steps.exports import plain_copy


def main(root: str, data: str, folder: str) -> None:
    """Write the copy into `folder`, and print the answer."""
    with results() as printed:
        try:
            answer = {"path": str(plain_copy(find_project(Path(root)), Path(data), Path(folder)))}
        except SeatrialError as error:
            answer = {"message": error.message, "hint": error.hint}
        printed.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
