"""A release's software bill of materials is valid CycloneDX, complete, and the same each time."""

import json
from importlib.metadata import version

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from seatrial.train.sbom import sbom

ENGINE, TABLE = ("model.onnx", "ab" * 32), ("titanic.csv", "cd" * 32)


@pytest.mark.parametrize("extra", ["", "native"])
def test_it_is_valid_and_names_what_a_release_runs_with(extra: str) -> None:
    content = sbom("titanic-model", "0.2.0", extra, ENGINE, TABLE)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()) is None
    document = json.loads(content)
    versions = {each["name"]: each.get("version") for each in document["components"]}
    expected = {"seatrial", "numpy", "onnxruntime", "pydantic", "pydantic-core", *({"scikit-learn"} if extra else ())}
    assert {name: versions[name] for name in expected} == {name: version(name) for name in expected}
    assert ("scikit-learn" in versions) is bool(extra)
    assert "fastapi" not in versions
    assert (document["metadata"]["component"]["name"], document["metadata"]["component"]["version"]) == (
        *("titanic-model", "0.2.0"),
    )
    kinds = {each["type"]: each for each in document["components"]}
    assert kinds["machine-learning-model"]["hashes"] == [{"alg": "SHA-256", "content": ENGINE[1]}]
    assert kinds["data"]["hashes"] == [{"alg": "SHA-256", "content": TABLE[1]}]


def test_each_library_has_a_licence_and_its_requirements() -> None:
    document = json.loads(sbom("titanic-model", "0.2.0", "native", ENGINE, TABLE))
    libraries = [each for each in document["components"] if each["type"] == "library"]
    assert len(libraries) > 15
    assert [each["name"] for each in libraries if not each.get("licenses")] == []
    requires = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    name = {each["bom-ref"]: each["name"] for each in document["components"]}
    of_pydantic = {name[each] for each in requires[next(ref for ref, found in name.items() if found == "pydantic")]}
    assert {"pydantic-core", "annotated-types", "typing-extensions"} <= of_pydantic
    assert set(requires["titanic-model"]) >= {f"sha256:{ENGINE[1]}", f"sha256:{TABLE[1]}"}


def test_the_same_release_gives_the_same_bytes_and_another_does_not() -> None:
    first = sbom("titanic-model", "0.2.0", "", ENGINE, TABLE)
    assert sbom("titanic-model", "0.2.0", "", ENGINE, TABLE) == first
    others = [("titanic-model", "0.3.0", ENGINE), ("titanic-model", "0.2.0", ("model.onnx", "ef" * 32))]
    serials = {json.loads(sbom(name, version, "", engine, TABLE))["serialNumber"] for name, version, engine in others}
    assert len(serials | {json.loads(first)["serialNumber"]}) == 3
