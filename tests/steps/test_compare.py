"""Comparing a project's releases: which two, the page, and the links between a project's pages."""

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.projects.tiny import RELEASE, make_dist, make_project, make_wheel
from tests.trial.samples import SAMPLES

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.release import FolderIndex, inspect
from seatrial.steps.compare import compare
from seatrial.steps.overview import report_of, write_overview
from seatrial.steps.trial import write_result
from seatrial.trial.gate import result_folder


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> ProjectSettings:
    """A project in a folder with a blank and `#` in its name, with two releases on its index."""
    project = find_project(make_project(tmp_path / "my #1 models"))
    index = FolderIndex(project.index.folder or tmp_path)
    for version, depth in (("0.1.0", 3), ("0.2.0", 5)):
        code = f"def build():\n    return Tree(depth={depth})\n".encode()
        wheel = make_wheel(tmp_path / version, version=version, more={"tiny_model/pipeline.py": code})
        index.publish([wheel])
    return project


def broken_links(page: Path) -> list[str]:
    links = re.findall(r'href="([^"#][^"]*)"', page.read_text())
    assert links
    return [link for link in links if not (page.parent / unquote(link)).is_file()]


def test_the_newest_release_is_compared_with_the_one_before_it(project: ProjectSettings) -> None:
    compared = compare(project)
    made = compared.comparison
    assert (made.old.version, made.new.version) == ("0.1.0", "0.2.0")
    assert [(c.what, c.old, c.new) for c in made.changes] == [("Tree.depth", "3", "5")]
    page = compared.page.read_text()
    assert "Tree.depth" in page
    assert "-    return Tree(depth=3)" in page
    assert broken_links(compared.page) == []
    assert "0.1.0 → 0.2.0" in (project.runs / "index.html").read_text()


def test_two_releases_are_named_by_their_versions_or_as_wheels(project: ProjectSettings, tmp_path: Path) -> None:
    assert compare(project, "0.2.0", "tiny-model==0.1.0").comparison.new.version == "0.1.0"
    other = make_wheel(tmp_path / "other", version="0.3.0")
    assert compare(project, "0.1.0", str(other)).comparison.new.version == "0.3.0"
    with pytest.raises(SeatrialError, match="with the same bytes"):
        compare(project, "0.1.0", "0.1.0")
    with pytest.raises(SeatrialError, match=r"has no tiny-model==0\.9\.0"):
        compare(project, "0.9.0")


def test_a_first_release_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny")
    make_dist(root)
    with pytest.raises(SeatrialError, match=r"no release before tiny-model 0\.1\.0"):
        compare(find_project(root))


def test_report_trial_and_list_of_a_project_are_linked_and_no_link_is_broken(project: ProjectSettings) -> None:
    wheel = inspect(make_dist(project.root))
    run = project.runs / "41ee9ec50723"
    run.mkdir(parents=True)
    metric = {"auc": {"value": 0.87, "label": "ROC AUC", "low": 0.8, "high": 0.9}}
    facts = {**RELEASE, "version": "0.1.0", "headline": "auc", "metrics": metric, "data": {"rows": 1309}}
    (run / "run.json").write_text(json.dumps(facts))
    (run / "report.html").write_text("")
    verdict = SAMPLES["passed"]()
    folder = result_folder(project.root, wheel.sha256, None)
    candidate = replace(verdict.candidate, sha256=wheel.sha256)
    write_result(folder, replace(verdict, candidate=candidate), "", project, (None, wheel))
    damaged = folder.with_name("0-damaged")
    damaged.mkdir()
    (damaged / "verdict.json").write_text("{")
    overview = write_overview(project)
    text = overview.read_text()
    assert broken_links(overview) == broken_links(folder / "trial.html") == []
    for shown in ("41ee9ec50723", "0.870", "0.800 to 0.900", "titanic-model 0.1.1 against 0.1.0", "Passed", "0.2.0"):
        assert shown in text
    assert "damaged" not in text


def test_a_trial_of_two_releases_writes_their_comparison(project: ProjectSettings) -> None:
    index = FolderIndex(project.index.folder or project.root)
    old, new = (index.fetch_wheel(release) for release in index.releases("tiny-model"))
    verdict = SAMPLES["passed"]()
    subjects = (
        replace(verdict.baseline or verdict.candidate, sha256=old.sha256),
        replace(verdict.candidate, sha256=new.sha256),
    )
    folder = result_folder(project.root, new.sha256, old.sha256)
    write_result(folder, replace(verdict, baseline=subjects[0], candidate=subjects[1]), "", project, (old, new))
    page = folder / "trial.html"
    assert "0.1.0 and 0.2.0 side by side" in page.read_text()
    comparison = project.root / ".seatrial" / "comparisons" / "0.1.0..0.2.0.html"
    assert verdict.cause in comparison.read_text()
    assert broken_links(page) == broken_links(comparison) == []


def test_the_report_of_a_wheels_training_is_found_by_its_artifacts(project: ProjectSettings) -> None:
    import hashlib

    from seatrial.train.run import run_id

    wheel = inspect(make_dist(project.root))
    assert report_of(project, wheel) is None
    made = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in project.artifacts.iterdir()}
    report = project.runs / run_id(made) / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("")
    assert report_of(project, wheel) == report
