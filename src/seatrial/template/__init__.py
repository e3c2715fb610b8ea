"""From a table to a project: reads any source, examines it, makes and explains decisions, and generates the code.

A table comes in; decisions and the text of files come out. Only `write_data` writes a file, and only `choose_model`
trains. The order is read_source, examine (again, with the user's overrides), choose_model, write_code, write_data.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.template.codegen.source_text import write_code as write_code
    from seatrial.template.inference.examination import examine as examine
    from seatrial.template.inference.model_choice import choose_model as choose_model
    from seatrial.template.inference.overview import ColumnOverview as ColumnOverview
    from seatrial.template.inference.overview import column_overviews as column_overviews
    from seatrial.template.reading.csv_file import CsvOptions as CsvOptions
    from seatrial.template.reading.source import read_source as read_source
    from seatrial.template.reading.table import write_data as write_data
    from seatrial.template.records import Examination as Examination
    from seatrial.template.records import Overrides as Overrides
    from seatrial.template.records import TableSource as TableSource

_MODULES = {
    "ColumnOverview": "inference.overview",
    "CsvOptions": "reading.csv_file",
    "Examination": "records",
    "Overrides": "records",
    "TableSource": "records",
    "choose_model": "inference.model_choice",
    "column_overviews": "inference.overview",
    "examine": "inference.examination",
    "read_source": "reading.source",
    "write_code": "codegen.source_text",
    "write_data": "reading.table",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(name)
