"""A training that does not fit in memory is not begun, and the sample that is named fits."""

from dataclasses import replace

import pytest
from tests.train.projects import table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.train import memory_needs
from seatrial.train.memory_needs import require_memory
from seatrial.train.recipe import Recipe, read_recipe


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return read_recipe(write_project(tmp_path_factory.mktemp("project"), table(two, rows=4000)))


def free(monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    monkeypatch.setattr(memory_needs, "free_memory", lambda: size)


def test_what_fits_passes(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    require_memory(recipe)
    free(monkeypatch, None)  # the system does not say
    require_memory(recipe)


def test_what_does_not_fit_is_refused_with_a_sample_that_does(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_needs, "LEAST_SAMPLE", 100)
    free(monkeypatch, 400_000)
    with pytest.raises(SeatrialError, match=r"Fitting on 3,000 rows of .* takes about 0.0 GB of memory") as caught:
        require_memory(recipe)
    sample = int(caught.value.hint.partition("sample = ")[2].partition(" ")[0])
    assert 100 <= sample < 3000
    project = replace(recipe.project, sample=sample)
    require_memory(read_recipe(project))
    free(monkeypatch, 1000)
    with pytest.raises(SeatrialError) as caught:
        require_memory(recipe)
    assert caught.value.hint.startswith("Use fewer rows")
