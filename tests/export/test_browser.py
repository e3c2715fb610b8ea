"""The exported page in Chromium: the release's own scores, its messages, and no request to anywhere else."""

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from tests.serve.browsing import ARGUMENTS, CHROMIUM

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project, importable
from seatrial.export import browser
from seatrial.export.browser import check_folder, write_browser_folder
from seatrial.export.onnxruntime_web import FILES, fetch_onnxruntime_web
from seatrial.model.release import Release
from seatrial.model.table_validation import rows_of
from seatrial.steps.export_release import proof_rows

SCORE = "async (rows) => { const m = await import('./assets/local.js'); return m.score(rows.map((row) => m.checked(row).row)); }"
REFUSE = "async (row) => { const m = await import('./assets/local.js'); return m.checked(row).errors.map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`); }"


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map: ClassVar = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site(titanic_project: Path, tmp_path: Path) -> Iterator[str]:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    project = find_project(titanic_project)
    with importable(project):
        write_browser_folder(Release(project.package), fetch_onnxruntime_web(tmp_path), tmp_path / "site")
    handler = functools.partial(Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.soak
@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_the_page_predicts_as_the_release(site: str, titanic_project: Path) -> None:
    from playwright.sync_api import sync_playwright

    project = find_project(titanic_project)
    with importable(project):
        release = Release(project.package)
        columns = proof_rows(project, release, 3_000)
        rows, expected = rows_of(release.columns, columns), release.score_table(columns)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = chromium.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(site)
        page.wait_for_selector("#result[data-state=fresh]")
        scores = np.array(page.evaluate(SCORE, json.loads(json.dumps(rows))))
        errors = page.evaluate(REFUSE, {**rows[0], "age": 131, "pclass": 4, "name": None, "extra": 1})
        shown = page.inner_text("#answer")
        chromium.close()
    assert np.abs(scores - expected).max() <= 1e-9
    assert len(scores) > 3_000
    assert errors == [
        "extra: Extra inputs are not permitted",
        "pclass: Input should be 1 or 2 or 3",
        "name: Input should not be missing",
        "age: Input should be less than or equal to 130",
    ]
    assert "survived" in shown
    assert all(url.startswith((site, "data:", "blob:")) for url in asked)


def test_other_files_are_not_overwritten(tmp_path: Path) -> None:
    check_folder(tmp_path / "free")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SeatrialError, match="is not empty"):
        check_folder(tmp_path)


def test_a_runtime_without_its_files_is_refused(titanic_project: Path, tmp_path: Path) -> None:
    project = find_project(titanic_project)
    with importable(project), pytest.raises(SeatrialError, match=f"has no {FILES[0]}"):
        write_browser_folder(Release(project.package), tmp_path, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_an_export_that_was_interrupted_is_repeated(
    titanic_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = find_project(titanic_project)
    for name in FILES:
        (tmp_path / name).write_text("a runtime")
    site, written = tmp_path / "site", browser.write_atomic

    def interrupted(path: Path, content: str | bytes) -> None:
        if path.name == FILES[1]:
            raise KeyboardInterrupt
        written(path, content)

    with importable(project):
        release = Release(project.package)
        with monkeypatch.context() as patch:
            patch.setattr(browser, "write_atomic", interrupted)
            with pytest.raises(KeyboardInterrupt):
                write_browser_folder(release, tmp_path, site)
        assert not (site / "index.html").exists()
        check_folder(site)
        write_browser_folder(release, tmp_path, site)
        with pytest.raises(SeatrialError, match="is not empty"):
            check_folder(release.artifacts)  # which has a graph, too
    assert (site / "index.html").is_file()
