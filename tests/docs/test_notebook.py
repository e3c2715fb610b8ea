"""The guide "In a notebook" is executed as a notebook, in a kernel, and shows what the page says."""

import shutil
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from tests.docs.markdown import OUTPUT, Block, blocks_of
from tests.docs.matching import missing
from tests.docs.scenarios import DOCS
from tests.docs.walking import free_port
from tests.template.commands import GIT

pytestmark = pytest.mark.slow
PAGE = DOCS / "notebook.md"
SET_PORT = """
from pathlib import Path
settings = Path("churn/pyproject.toml")
_ = settings.write_text(settings.read_text() + "\\n[tool.seatrial.deploy.local]\\nport = {port}\\n")
"""
STOP = "project.stop('local')"


def printed(cell: nbformat.NotebookNode) -> str:
    """What a cell shows as text: printed lines, and its value."""
    parts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(parts)


def shown_as_html(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, nbformat.NotebookNode]:
    """The executed cells of the page, by their code."""
    folder = tmp_path_factory.mktemp("notebook")
    for table in ("customers.csv", "customers-july.csv"):
        shutil.copy(DOCS / table, folder)
    codes = [block.text for block in blocks_of(PAGE) if block.language == "python"]
    position = next(place for place, code in enumerate(codes) if "Project.new" in code) + 1
    codes.insert(position, SET_PORT.format(port=free_port()))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in codes])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in GIT.items():
            patch.setenv(name, value)
        client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}})
        with client.setup_kernel():
            try:
                for place, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, place)
            finally:
                notebook.cells.append(nbformat.v4.new_code_cell(STOP))
                client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1, store_history=False)
    return {cell.source: cell for cell in notebook.cells}


def expectations() -> list[tuple[Block, Block]]:
    """The blocks of output of the page, each with the cell before it."""
    blocks = blocks_of(PAGE)
    return [(cell, output) for cell, output in pairwise(blocks) if output.language == OUTPUT]


@pytest.mark.soak
@pytest.mark.parametrize(("cell", "output"), expectations(), ids=lambda block: f"line {block.line}")
def test_a_cell_prints_what_the_page_shows(cells, cell: Block, output: Block):
    assert not (lost := missing(output.text, printed(cells[cell.text]))), (lost, printed(cells[cell.text]))


@pytest.mark.soak
def test_the_run_and_the_trial_are_shown_as_their_pages(cells):
    report = next(cell for code, cell in cells.items() if code.startswith("run = project.train()"))
    assert "churn-model" in shown_as_html(report)
    assert "<iframe srcdoc=" in shown_as_html(report)
    trial = next(cell for code, cell in cells.items() if code.startswith("project.build()\nresult"))
    assert "Passed" in shown_as_html(trial)


@pytest.mark.soak
def test_progress_is_plain_lines_without_a_widget(cells):
    report = next(cell for code, cell in cells.items() if code.startswith("run = project.train()"))
    assert "✓ fitting on 450 rows" in printed(report)
    assert "\x1b" not in printed(report)
    assert not [o for o in report.outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]


def test_an_error_is_two_lines_and_no_traceback(tmp_path: Path):
    cell = nbformat.v4.new_code_cell("from seatrial import Project\nProject('.')")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    resources = {"metadata": {"path": tmp_path}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources, allow_errors=True).execute()
    (error,) = [output for output in cell.outputs if output.output_type == "error"]
    assert error.traceback[0].startswith("SeatrialError: No Seatrial project in")
    assert error.traceback[1].startswith("hint: Change to a folder")
    assert len(error.traceback) == 2
