"""What the prediction page offers besides the form: an address for each row, code, a curve and whole files; in a browser."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.serve.browsing import LOW_CONTRAST, UNNAMED, browser_test, percent, settled, shown, until

pytestmark = pytest.mark.slow


@browser_test
def test_the_row_is_in_the_url_fragment_and_in_no_request_url(visit: Any, url: str) -> None:
    visited = visit()
    page = visited.open(url)
    settled(page, lambda: page.get_by_label("Age", exact=True).fill("61"))
    until(page, "location.hash.includes('age=61')")
    answer = shown(page)
    other = visit()
    again = other.open(page.url)
    assert again.get_by_label("Age", exact=True).input_value() == "61"
    assert shown(again) == answer
    assert not any("61" in requested.removeprefix(url) for requested in visited.requested + other.requested)
    settled(again, lambda: again.get_by_role("button", name="Example").click())
    until(again, "location.hash === ''")


@browser_test
def test_an_invalid_url_fragment_does_no_harm(visit: Any, url: str) -> None:
    visited = visit()
    for damaged in ("#age=x&nothing=1", "#sex=%22other%22", "#age=%7B%7D", "#card", "#%", "#pclass="):
        visited.page.goto("about:blank")  # another fragment alone would not load the page again
        visited.page.goto(url + "/" + damaged)
        visited.page.wait_for_selector("#result[data-state=fresh], #trouble:visible")
        assert [message for message in visited.messages if "422" not in message] == [], damaged


@browser_test
def test_the_code_examples_contain_the_current_row(visit: Any, url: str, titanic: Any) -> None:
    visited = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visited.open(url)
    settled(page, lambda: page.get_by_label("Name").fill('O\'Brien, "Mr." T'))
    code = page.locator("#code")
    text = code.inner_text()
    assert f"curl {url}/api/v1/predict" in text
    quoted = re.search(r"-d '(.*)'$", text, re.S)[1].replace("'\\''", "'")  # type: ignore[index]
    assert json.loads(quoted)["name"] == 'O\'Brien, "Mr." T'
    page.get_by_label("Python package").check()
    assert f"pip install --no-deps --index-url URL_OF_YOUR_INDEX titanic-model=={titanic.version}" in code.inner_text()
    compile(code.inner_text(), "call", "exec")
    page.get_by_label("Python", exact=True).check()
    printed: list[Any] = []
    exec(code.inner_text(), {"print": printed.append})
    assert printed[0]["predictions"]
    page.get_by_role("button", name="Copy").click()
    page.wait_for_selector("#copy:text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == code.inner_text()


@browser_test
def test_without_a_clipboard_the_code_is_selected(visit: Any, url: str) -> None:
    page = visit().open(url)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy").click()
    page.wait_for_selector("#copy:text('Selected')")
    assert page.evaluate("String(getSelection())").startswith("curl ")


@browser_test
def test_a_curve_shows_other_values_of_a_number(visit: Any, url: str, titanic: Any) -> None:
    visited = visit()
    page = visited.open(url)
    assert not any("what_if" in requested or "csv" in requested for requested in visited.requested)
    page.locator("#what-if summary").press("Enter")
    page.wait_for_selector("#curve svg")
    example = titanic.metadata.example
    low, high = titanic.metadata.seen["age"]["range"]
    ends = titanic.predict([{**example, "age": low}, {**example, "age": high}])
    rows = page.locator("#curve tbody tr").all_text_contents()
    page.get_by_label("The prediction for other values of").select_option("age")
    until(page, "document.querySelector('#curve svg').textContent.includes('Age (years)')")
    rows = page.locator("#curve tbody tr").all_text_contents()
    texts = [row.replace("\xa0", " ") for row in (rows[0], rows[-1])]
    assert texts == [
        f"{low:.4g} years{percent(ends[0]['probabilities']['1'])}",
        f"80 years{percent(ends[1]['probabilities']['1'])}",
    ]
    label = page.locator("#curve svg").get_attribute("aria-label")
    assert "probability of \u201csurvived\u201d is lowest" in label
    assert "The dot is this row, at 8\xa0years." in label
    page.get_by_label("Age", exact=True).fill("40")
    until(page, "document.querySelector('#curve svg').getAttribute('aria-label').includes('at 40')")
    assert page.evaluate(LOW_CONTRAST) == []
    assert page.evaluate(UNNAMED) == []
    assert visited.messages == []


FILE = '''pclass;name;sex;age;sibsp;parch;fare;cabin;embarked;prediction;note
2;"Müller, Frau ""Änne""";female;7,5;0;2;26,25;;S;old;=1+1
9;B;male;-5;0;0;5;;S;old;"two
lines"
3;C;male;1.234;0;0;5;;S;old;-5
1;D;male;99;0;0;5;;S;old;+49 30
1;E
'''


@browser_test
def test_a_file_is_predicted_on_the_page(visit: Any, url: str, titanic: Any, tmp_path: Path) -> None:
    visited = visit()
    page = visited.open(url)
    page.locator("#file summary").press("Enter")
    page.wait_for_selector("#batch-file")
    page.set_input_files("#batch-file", {"name": "a.csv", "mimeType": "text/csv", "buffer": FILE.encode("cp1252")})
    page.wait_for_selector("#batch a[download]")
    status = page.locator("#batch [role=status]").inner_text()
    assert status == "a.csv: 2 rows were predicted, 3 rows were refused, 1 row has values that training never saw."
    assert page.locator("#batch .causes li").all_inner_texts() == [
        "pclass: Input should be 1, 2 or 3 (1 row): line 3 (9)",
        "age: Input should be greater than or equal to 0 (1 row): line 3 (-5)",
        "age: Its point may separate thousands or decimals (1 row): line 5 (1.234)",
        "The row has 2 cells, the header has 11 (1 row): line 7",
    ]
    assert page.locator("#batch tbody tr").count() == 5
    with page.expect_download() as download:
        page.locator("#batch a[download]").click()
    assert download.value.suggested_filename == "a-predictions.csv"
    text = Path(download.value.path()).read_text("utf-8-sig")
    first, second, third, fourth, fifth = csv.DictReader(io.StringIO(text), delimiter=";")
    row = {"pclass": 2, "name": 'Müller, Frau "Änne"', "sex": "female", "age": 7.5, "sibsp": 0, "parch": 2}
    (predicted,) = titanic.predict([{**row, "ticket": None, "fare": 26.25, "cabin": None, "embarked": "S"}])
    assert (first["name"], first["input_prediction"], first["note"]) == ('Müller, Frau "Änne"', "old", "'=1+1")
    assert first["prediction"] == str(predicted["prediction"])
    assert float(first["probability_1"].replace(",", ".")) == predicted["probabilities"]["1"]
    assert (second["note"], second["prediction"]) == ("two\nlines", "")
    assert second["warnings"].startswith("refused: pclass '9': Input should be 1, 2 or 3; refused: age '-5': ")
    assert (third["note"], fourth["note"]) == ("-5", "'+49 30")
    assert fourth["warnings"] == "age: Above 80, the largest value in training"
    assert fifth["warnings"] == "refused: The row has 2 cells, the header has 11"
    wrong = {"name": "b.csv", "mimeType": "text/csv", "buffer": b"Pclass,name,sex\n1,a,female\n"}
    page.set_input_files("#batch-file", wrong)
    until(page, "document.querySelector('#batch [role=status]').textContent.includes('Rename \u201cPclass\u201d.')")
    assert page.locator("#batch table, #batch a[download]").count() == 0


@browser_test
def test_csv_is_read_and_written_as_spreadsheets_do(visit: Any, url: str) -> None:
    page = visit().open(url)
    assert page.evaluate(CSV_CASES) == {
        "sep": [["a", "b"], ["1", "x;y"]],
        "comma": [["a", "b"], ["1,5", ""]],
        "unclosed": "The quote that opens in line 2 is never closed.",
        "twice": "The file has two columns named \u201ca\u201d. Rename one of them.",
        "workbook": "This is a workbook or a zip file. Save the table as CSV, and choose that file.",
        "numbers": [1.5, 1.5, None, -1e3, None, None],
        "doubt": "Its comma may separate thousands or decimals",
        "written": '\'=1;-5;+1.5e3;\'@a;\'-1+1;"a;""b""";"\'\tx"\n',
    }


CSV_CASES = """async () => {
  const csv = await import("./assets/csv.js");
  const refused = (act) => { try { return act(); } catch (error) { return error.message; } };
  const table = (text) => csv.readTable(text, new Map([["a"], ["b"]]));
  const cells = (text) => [table(text).columns, table(text).records[0].cells];
  const read = (cell, separator, commas) => csv.readNumber(cell, separator, commas) ?? null;
  return {
    sep: cells('sep=;\\na;b\\n1;"x;y"\\n'),
    comma: cells('a;b\\r\\n1,5;\\r\\n'),
    unclosed: refused(() => cells('a,b\\n1,"x')),
    twice: refused(() => cells('a,a\\n1,2')),
    workbook: refused(() => csv.decode(new Uint8Array([0x50, 0x4b, 3, 4]))),
    numbers: [read("1,5", ";", true), read(" 1.5 ", ",", false), read("1,5", ",", false), read("-1e3", ",", false),
      read("1 000", ",", false), read("9007199254740993", ",", false)],
    doubt: refused(() => read("1,234", ";", false)),
    written: csv.writeRecord(["=1", "-5", "+1.5e3", "@a", "-1+1", 'a;"b"', "\\tx"], ";").text,
  };
}"""
