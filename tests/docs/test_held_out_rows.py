"""The settings on the page about held-out rows do what it says."""

from pathlib import Path

import pytest
from tests.docs.markdown import Block, blocks_of
from tests.docs.scenarios import DOCS
from tests.train.projects import table, two, write_project

from seatrial.train.recipe import Recipe, read_recipe

PAGE = DOCS / "held-out-rows.md"
SETTINGS = [block for block in blocks_of(PAGE) if block.language == "toml"]


def recipe_of(folder: Path, block: Block) -> Recipe:
    """Read a project with these settings; its table has all the columns that the page names."""
    header, *rows = table(two, rows=120).splitlines()
    further = [f"K{n // 4},2026-{1 + n // 28:02d}-{1 + n % 28:02d},{1 + n % 3}" for n in range(120)]
    lines = [f"{header},customer_id,sold_at,sample_weight", *map(",".join, zip(rows, further, strict=True))]
    settings = block.text.removeprefix("[tool.seatrial]\n")
    return read_recipe(write_project(folder, "\n".join(lines) + "\n", settings=settings))


@pytest.mark.parametrize("block", SETTINGS, ids=lambda block: block.heading)
def test_the_settings_on_the_page_split_and_weigh(block: Block, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, block)
    train, test = recipe.split.train.tolist(), recipe.split.test.tolist()
    if block.heading == "By group":
        assert not {n // 4 for n in train} & {n // 4 for n in test}
    elif block.heading == "By time":
        assert max(train) < min(test)
        assert len(test) == 30
    elif block.heading == "A sample of many rows":
        assert recipe.project.sample == 2_000_000
        assert len(train) + len(test) == recipe.table.rows  # a small table is used as a whole
    else:
        weights = recipe.weights_of(recipe.split.train)
        assert weights is not None
        own = [weight / (1 + n % 3) for n, weight in zip(train, weights.tolist(), strict=True)]
        assert own == pytest.approx([own[0]] * len(own))


def test_the_page_has_an_example_of_each() -> None:
    assert [block.heading for block in SETTINGS] == ["By group", "By time", "Weights", "A sample of many rows"]
