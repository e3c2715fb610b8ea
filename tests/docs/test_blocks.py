"""Every block of commands is run or listed as one that cannot be, and the list contains nothing else."""

from pathlib import Path

import pytest
from tests.docs.markdown import OUTPUT, SHELL, Block, blocks_of, commands_of
from tests.docs.scenarios import ALL, DOCS, GUIDES, LONG, NOT_RUN, ROOT, Page

SHOWN = {
    "toml",
    "json",
    "python",
    "powershell",
    "yaml",
    "js",
}  # toml and python with a file's name are written, python without is run


def blocks() -> list[Block]:
    return [block for page in ALL for block in blocks_of(page.path, page.name)]


def test_every_guide_is_followed():
    there = {path.name for path in DOCS.glob("*.md") if any(b.language == SHELL for b in blocks_of(path))}
    assert there == {page.path.name for page in ALL if page.path.parent == DOCS}


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_every_block_has_a_language(page: Page):
    found = blocks_of(page.path, page.name)
    assert any(block.language == SHELL for block in found)
    assert {b.place: b.language for b in found if b.language not in {SHELL, OUTPUT, *SHOWN}} == {}


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_output_is_shown_after_the_commands_that_print_it(page: Page):
    found = blocks_of(page.path, page.name)
    before = [None, *found]
    assert [
        b.place for b, a in zip(found, before, strict=False) if b.language == OUTPUT and (not a or a.language != SHELL)
    ] == []


def test_the_list_of_skipped_commands_contains_only_commands_of_the_pages():
    there = {
        (block.page, command.text) for block in blocks() if block.language == SHELL for command in commands_of(block)
    }
    assert len(there) > 60
    assert set(NOT_RUN) - there == set()
    assert all(len(reason) > 15 for reason in (*NOT_RUN.values(), *LONG.values()))
    assert set(LONG) - {(block.page, block.heading) for block in blocks()} == set()


def test_reasons_name_existing_tests():
    words = [word.strip(",;.`") for reason in NOT_RUN.values() for word in reason.split()]
    assert [word for word in words if word.startswith("tests/") and not (ROOT / word).is_file()] == []


def test_most_commands_are_run():
    """The lists are for what cannot be done here, not a way to skip tests: the first guide's run with every change."""
    guides = [block for block in blocks() if block.page.endswith(".md") and block.language == SHELL]
    shown = [(block, command.text) for block in guides for command in commands_of(block)]
    run = [
        text for block, text in shown if (block.page, text) not in NOT_RUN and (block.page, block.heading) not in LONG
    ]
    assert len(run) > 0.4 * len(shown)
    first = [block for block, text in shown if block.page == GUIDES[0] and (block.page, text) not in NOT_RUN]
    with_every_change = [block for block in first if (block.page, block.heading) not in LONG]
    assert len(with_every_change) > 0.4 * len(first) > 0


def test_blocks_and_commands_are_found_as_a_reader_sees_them(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n\n```sh\nfirst --long \\\n  option  # exit code 3: it waits\n# a remark\nsecond # exit code 1 if not\n```\n\n"
        '## Two\n\n```toml title="a.toml"\nx = 1\n```\n\n    indented\n'
    )
    shell, settings, indented = blocks_of(page)
    assert [(c.text, c.code) for c in commands_of(shell)] == [("first --long option", 3), ("second", 0)]
    assert (settings.heading, settings.file, indented.language) == ("Two", "a.toml", "")
