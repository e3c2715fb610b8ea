"""From a table to a project: reads any source, examines it, decides and says so, and writes the project's code.

A table comes in, decisions and texts of files go out; files are written by `write_data` only, and nothing is trained
but by `choose_model`. The order is read_source, examine (again, with a person's wishes), choose_model, write_code,
write_data.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.template.coding.writing import write_code as write_code
    from seatrial.template.deciding.choosing import Choice as Choice
    from seatrial.template.deciding.choosing import choose_model as choose_model
    from seatrial.template.deciding.examining import examine as examine
    from seatrial.template.deciding.overview import Line as Line
    from seatrial.template.deciding.overview import in_words as in_words
    from seatrial.template.reading.csvfile import CsvOptions as CsvOptions
    from seatrial.template.reading.data import DataFile as DataFile
    from seatrial.template.reading.data import write_data as write_data
    from seatrial.template.reading.source import read_source as read_source
    from seatrial.template.records import ColumnFacts as ColumnFacts
    from seatrial.template.records import Decision as Decision
    from seatrial.template.records import Examination as Examination
    from seatrial.template.records import Source as Source
    from seatrial.template.records import Wishes as Wishes

_HOMES = {
    "Choice": "deciding.choosing",
    "ColumnFacts": "records",
    "CsvOptions": "reading.csvfile",
    "DataFile": "reading.data",
    "Decision": "records",
    "Examination": "records",
    "Line": "deciding.overview",
    "Source": "records",
    "Wishes": "records",
    "choose_model": "deciding.choosing",
    "examine": "deciding.examining",
    "in_words": "deciding.overview",
    "read_source": "reading.source",
    "write_code": "coding.writing",
    "write_data": "reading.data",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(name)
