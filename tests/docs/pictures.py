"""Takes a picture for the documentation: `python -m tests.docs.pictures ADDRESS FILE [HEIGHT]`, of a page or a report.

docs/page.png is the page of `make demo`; docs/verdict.png is the trial.html of the guide to the trial.
"""

import shutil
import sys
from pathlib import Path

WIDTH = 1000


def take(address: str, file: Path, height: int = 0) -> None:
    """Take the page at an address as a person would see it in daylight; its first `height` pixels, or all of it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": height or 800}, color_scheme="light")
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=file, full_page=not height)
        browser.close()


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
