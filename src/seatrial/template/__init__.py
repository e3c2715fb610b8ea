"""From a table to a project: reads any source, examines it, decides and says so, and writes the project's code.

A table comes in, decisions and texts of files go out; files are written by `write_data` only, and nothing is trained
but by `choose_model`. The order is read_source, examine (again, with a person's wishes), choose_model, write_code,
write_data.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.template.codegen.source_text import write_code as write_code
    from seatrial.template.inference.examination import examine as examine
    from seatrial.template.inference.model_choice import Choice as Choice
    from seatrial.template.inference.model_choice import choose_model as choose_model
    from seatrial.template.inference.overview import Line as Line
    from seatrial.template.inference.overview import in_words as in_words
    from seatrial.template.reading.csv_file import CsvOptions as CsvOptions
    from seatrial.template.reading.source import read_source as read_source
    from seatrial.template.reading.table import DataFile as DataFile
    from seatrial.template.reading.table import write_data as write_data
    from seatrial.template.records import ColumnFacts as ColumnFacts
    from seatrial.template.records import Decision as Decision
    from seatrial.template.records import Examination as Examination
    from seatrial.template.records import TableSource as TableSource
    from seatrial.template.records import Wishes as Wishes

_HOMES = {
    "Choice": "inference.model_choice",
    "ColumnFacts": "records",
    "CsvOptions": "reading.csv_file",
    "DataFile": "reading.table",
    "Decision": "records",
    "Examination": "records",
    "Line": "inference.overview",
    "TableSource": "records",
    "Wishes": "records",
    "choose_model": "inference.model_choice",
    "examine": "inference.examination",
    "in_words": "inference.overview",
    "read_source": "reading.source",
    "write_code": "codegen.source_text",
    "write_data": "reading.table",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(name)
