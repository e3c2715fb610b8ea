"""Markdown, JUnit, the terminal's rows, and the JSON document with its schema."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic import TypeAdapter
from tests.trial.samples import EVIL, SAMPLES, verdict_of

from seatrial.pages.words import percent
from seatrial.trial.records import Check, NotComparedError, Outcome, Verdict, read_verdict
from seatrial.trial.report.formats import json_schema, terminal_rows, to_json, to_junit, to_markdown
from seatrial.trial.report.reading import failed, headline, suite_states
from seatrial.trial.report.words import clean, figure

ROOT = Path(__file__).parents[3]
SCHEMA_FILE = ROOT / "docs" / "verdict.schema.json"
NOT_COMPARED = NotComparedError("Candidate and baseline are the same wheel.", hint="Raise the version and build again.")


@pytest.fixture(params=SAMPLES, name="verdict")
def _verdict(request: pytest.FixtureRequest) -> Verdict:
    return SAMPLES[request.param]()


# The first line


@pytest.mark.parametrize(
    ("sample", "line"),
    [
        ("passed", "Passed: All 36 checks passed."),
        ("ignored_feature", "Blocked: The candidate ignores `sex` (shuffling it moved predictions by 0.31 before, 0 now)."),
        ("golden_rows", "Blocked: The installed candidate differs from what training stored on 9 of 64 golden rows (by up to 0.41): it differs where `age` is missing."),
        ("redesign", "Waiting for acceptance: The candidate differs from the baseline on 812 of 1,309 rows (by up to 0.22): the difference depends on `cabin`, which explains 64% of it."),
        ("no_sdist", "Inconclusive: The candidate's code could not be trained on the baseline's data: 0.1.0 has no sdist."),
        ("nothing", "Inconclusive: The trial contains no checks."),
    ],
)  # fmt: skip
def test_the_first_line_is_the_verdict_and_its_cause(sample: str, line: str) -> None:
    verdict = SAMPLES[sample]()
    assert str(headline(verdict)) == line
    first = to_markdown(verdict).splitlines()[0]
    assert first.split(" ", 2)[2] == line


def test_what_to_do_follows_from_the_outcome() -> None:
    assert headline(SAMPLES["passed"]()).to_do == "It can be published as 0.1.1."
    blocked = headline(SAMPLES["ignored_feature"]()).to_do
    assert blocked == "Do not publish this wheel. 6 more checks failed."
    assert "\n- Look at the pipeline's columns and at features.py. " in to_markdown(SAMPLES["ignored_feature"]())
    assert "seatrial trial accept" in headline(SAMPLES["redesign"]()).to_do


def test_the_check_that_shows_the_cause_comes_first() -> None:
    verdict = SAMPLES["ignored_feature"]()
    ids = [check.id for check in failed(verdict)]
    assert ids[0] == "total.sensitivity[sex]"
    assert ids[-1] == "rebuild.scores"  # inconclusive, after all that is blocked


def test_a_suite_is_as_bad_as_its_worst_check() -> None:
    states = {state.suite: state for state in suite_states(SAMPLES["ignored_feature"]())}
    assert states["total"].outcome is Outcome.blocked
    assert states["rebuild"].outcome is Outcome.inconclusive
    assert states["invariants"].line == "All 7 checks passed."
    assert {state.suite: state.word for state in suite_states(SAMPLES["first_release"]())}["total"] == "Not run"


# Markdown


def test_markdown_is_short_enough_for_a_comment(verdict: Verdict) -> None:
    assert len(to_markdown(verdict)) < 20_000


def test_markdown_has_the_suites_what_failed_with_its_hint_and_the_rows_folded() -> None:
    text = to_markdown(SAMPLES["ignored_feature"]())
    assert "| total | ⛔ | Blocked |" in text
    assert "| golden | ✅ | Passed |" in text
    assert "**total.sensitivity\\[sex\\]**" in text
    assert "<br>Look at the pipeline's columns and at features.py." in text
    assert text.count("<details>") == 1
    assert "| 0.914 | 0.132 | −0.782 | 1 |" in text.replace("\\", "")  # noqa: RUF001 - a minus sign
    assert (
        text.index("⛔ Blocked") < text.index("| total |") < text.index("**total.sensitivity") < text.index("<details>")
    )


def test_markdown_escapes_hostile_names() -> None:
    text = to_markdown(SAMPLES["hostile"]())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script" not in text
    assert not re.search(r"@everyone|://(?!<)|(?<!\\)!\[", text)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    widths = Counter(len(re.findall(r"(?<!\\)\|", line)) for line in tables)
    assert set(widths) <= {5, 8}, (
        widths
    )  # the suites; the rows, of four and three columns: nothing breaks out of a cell
    assert len([line for line in text.splitlines() if line.startswith("#")]) == 2


def test_markdown_says_that_nothing_was_compared() -> None:
    text = to_markdown(NOT_COMPARED)
    assert text.startswith("## ❔ Not compared: Candidate and baseline are the same wheel.")
    assert "Raise the version and build again." in text


# JUnit


def cases(text: str) -> Iterator[tuple[str, str, str]]:
    for case in ElementTree.fromstring(text).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        yield case.attrib["classname"], case.attrib["name"], kinds[0] if kinds else "passed"


def test_junit_is_well_formed_and_its_counts_are_right(verdict: Verdict) -> None:
    root = ElementTree.fromstring(to_junit(verdict).encode())
    (suite,) = root
    held = Counter(kind for _, _, kind in cases(to_junit(verdict)))
    assert int(suite.attrib["tests"]) == sum(held.values()) >= max(len(verdict.checks), 1)
    assert int(suite.attrib["failures"]) == held["failure"]
    assert int(suite.attrib["errors"]) == held["error"]
    assert held["skipped"] == 0


def test_junit_is_red_whenever_the_verdict_does_not_pass(verdict: Verdict) -> None:
    red = any(kind != "passed" for _, _, kind in cases(to_junit(verdict)))
    assert red == bool(verdict.exit_code or not verdict.checks)


def test_junit_has_one_test_case_per_check() -> None:
    verdict = SAMPLES["ignored_feature"]()
    found = {(suite, name): kind for suite, name, kind in cases(to_junit(verdict))}
    assert list(found) == [(check.suite, check.id) for check in verdict.checks]
    assert found["total", "total.sensitivity[sex]"] == "failure"
    assert found["rebuild", "rebuild.scores"] == "error"
    assert found["golden", "golden.scores"] == "passed"


def test_what_waits_is_a_failure_and_what_is_accepted_or_noted_passes_with_its_words() -> None:
    text = to_junit(SAMPLES["redesign"]())
    found = {name: kind for _, name, kind in cases(text)}
    assert found["rebuild.scores[cabin]"] == "failure"
    assert found["contract.version"] == found["contract.extension[deck]"] == "passed"
    outs = [out.text or "" for out in ElementTree.fromstring(text).iter("system-out")]
    assert any(out.startswith("accepted: ") and "by ada" in out for out in outs)
    assert any(out.startswith("noted: ") for out in outs)


def test_junit_has_versions_hashes_and_the_time() -> None:
    verdict = SAMPLES["passed"]()
    root = ElementTree.fromstring(to_junit(verdict))
    properties = {each.attrib["name"]: each.attrib["value"] for each in root.iter("property")}
    assert properties["candidate"] == "titanic-model 0.1.1"
    assert properties["baseline.sha256"] == verdict.baseline.sha256  # type: ignore[union-attr]
    assert properties["rows.reference"] == "1309"
    assert root.attrib["time"] == "17.800"


def test_junit_without_a_check_is_an_error() -> None:
    assert list(cases(to_junit(SAMPLES["nothing"]()))) == [("trial", "verdict", "error")]
    assert list(cases(to_junit(NOT_COMPARED))) == [("trial", "compared", "error")]


def test_a_verdict_worse_than_its_checks_is_red_too() -> None:
    verdict = replace(SAMPLES["first_release"](), outcome=Outcome.blocked, cause="Blocked: it is.")
    assert ("trial", "verdict", "failure") in set(cases(to_junit(verdict)))


def test_markdown_names_the_code_that_changed() -> None:
    text = to_markdown(replace(SAMPLES["passed"](), changed_code=("pipeline.py", "my_features.py")))
    assert "Code changed since 0.1.0: pipeline.py, my\\_features.py." in text
    assert "Code changed" not in to_markdown(SAMPLES["passed"]())


# The terminal


def test_the_terminal_lists_what_failed_first_and_folds_suites_that_passed() -> None:
    rows = terminal_rows(SAMPLES["ignored_feature"]())
    assert rows[0][:2] == ("total.sensitivity[sex]", "blocked")
    assert ("invariants: 7 checks", "passed", "") in rows
    assert len(rows) < 20
    assert len(terminal_rows(SAMPLES["ignored_feature"](), every=True)) == len(SAMPLES["ignored_feature"]().checks)


def test_the_terminal_gets_no_control_character_and_no_line_break(verdict: Verdict) -> None:
    for row in terminal_rows(verdict, every=True):
        for cell in row:
            assert cell.isprintable() or "\u00a0" in cell
            assert not set(cell) & set("\x1b\n\r\x00\u202e")
            assert len(cell) < 700


# Words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.1419, "0.142"), (17300.4, "17,300"), (-2.5, "−2.5"), (1e-9, "1e−9"), (math.inf, "∞"), (math.nan, "not a number"), (2.0, "2")],  # noqa: RUF001
)  # fmt: skip
def test_figures_are_short(value: float, text: str) -> None:
    assert figure(value) == text


def test_shares_are_not_rounded_to_none_or_all() -> None:
    assert [percent(share) for share in (0, 0.0004, 0.004, 0.5, 0.9996, 1)] == [
        "0\u00a0%", "under 0.1\u00a0%", "0.4\u00a0%", "50\u00a0%", "over 99.9\u00a0%", "100\u00a0%",
    ]  # fmt: skip


def test_texts_are_cleaned_and_cut() -> None:
    assert clean("a\x1b[31mb\nc\u202ed\ud800") == "a\\x1b[31mb c\\u202ed\\ud800"
    assert len(clean("x" * 10_000)) == 600
    assert clean("Ž Łódź 東京 👩‍👩‍👧") == "Ž Łódź 東京 👩‍👩‍👧"


# The document


def test_the_document_is_strict_json_and_reads_back(verdict: Verdict) -> None:
    text = to_json(verdict)

    def refuse(token: str) -> None:
        raise AssertionError(token)

    document = json.loads(text, parse_constant=refuse)
    text.encode()
    back = read_verdict(document, "here")
    assert [check.id for check in failed(back)] == [clean_id(check.id) for check in failed(verdict)]
    assert back.exit_code == verdict.exit_code
    assert to_json(back) == text


def clean_id(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def test_numbers_of_numpy_are_numbers_in_the_document() -> None:
    import numpy as np

    check = Check("total.flips", "total", Outcome.passed, "", new=np.float64(0.5), evidence={"a": np.arange(3), "b": np.bool_(1)})  # fmt: skip
    (found,) = json.loads(to_json(verdict_of((check,))))["checks"]
    assert (found["new"], found["evidence"]) == (0.5, {"a": [0, 1, 2], "b": True})


def test_every_sample_is_of_the_schema(verdict: Verdict) -> None:
    TypeAdapter(Verdict).validate_json(to_json(verdict), strict=False)
    document = json.loads(to_json(verdict))
    schema = json_schema()
    assert set(schema["required"]) <= set(document) == set(schema["properties"])
    for check in document["checks"]:
        assert set(check) == set(schema["$defs"]["Check"]["properties"])
        assert check["outcome"] in schema["$defs"]["Outcome"]["enum"]
        assert check["suite"] in schema["$defs"]["Check"]["properties"]["suite"]["enum"]


def test_the_schema_in_the_docs_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == json_schema(), "write docs/verdict.schema.json again"


def test_the_schema_names_the_version_that_a_reader_may_take() -> None:
    assert json_schema()["properties"]["schema"]["const"] == 2


def test_hostile_is_hostile() -> None:
    assert "<script>" in EVIL
    assert "|" in EVIL
