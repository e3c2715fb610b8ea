"""Take a screenshot for the documentation: `python -m tests.docs.pictures URL FILE [HEIGHT]`, of a page or a report.

docs/page.png is the page of `make demo`; docs/verdict.png is the trial.html of the guide to the trial.
"""

import shutil
import sys
from pathlib import Path

WIDTH = 1000


def take(url: str, file: Path, height: int = 0) -> None:
    """Take the page at a URL in light mode: its first `height` pixels, or all of it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": height or 800}, color_scheme="light")
        page.goto(url)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=file, full_page=not height)
        browser.close()


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
