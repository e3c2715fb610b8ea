"""What is not a release, or cannot be installed, is refused with the reason."""

from pathlib import Path

import pytest
from tests.projects.misbehaving import INIT, row
from tests.projects.tiny import make_wheel
from tests.trial.sandbox.moody import POLICY, Open

from seatrial.trial.records import NotComparedError
from seatrial.trial.sandbox import sandbox as sandbox_module
from seatrial.trial.sandbox.queries import Describe, Predict
from seatrial.trial.sandbox.sandbox import open_sandbox, pins

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("temporary", "_from_the_cache")]


@pytest.fixture
def _without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system whose kernel refuses nothing."""
    monkeypatch.setattr(sandbox_module, "KERNEL_LIMITS", False)


def test_a_wheel_that_is_not_a_release_is_refused(tmp_path: Path):
    wheel = make_wheel(tmp_path, release=None)
    with pytest.raises(NotComparedError, match=r"has no tiny_model/artifacts/release\.json") as error:
        open_sandbox(wheel, POLICY, role="baseline")
    assert error.value.message.startswith(
        "The baseline cannot be run: tiny_model-0.1.0-py3-none-any.whl is not a release"
    )
    assert "seatrial build" in error.value.hint
    with pytest.raises(NotComparedError, match=r"would run every time Python starts|is outside"):
        open_sandbox(make_wheel(tmp_path / "b", more={"evil.pth": b"import os"}), POLICY)
    with pytest.raises(NotComparedError, match="does not exist"):
        open_sandbox(tmp_path / "nothing-1.0-py3-none-any.whl", POLICY)


@pytest.mark.parametrize(
    ("init", "words"),
    [
        ("predict = None", "is not a release: its package moody_model has no `release`"),
        ("import no_such_thing", "cannot be imported: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import os; os._exit(3)", "ended without an answer (exit code 3)"),
        (
            "class R: pass\nrelease = R()\npredict = print",
            "cannot be loaded: AttributeError: 'R' object has no attribute 'metadata'",
        ),
        ("raise MemoryError", "was killed: out of memory (limit 512 MB)"),
        (f"{INIT}\npredict = release.predict\nrelease.metadata.inputs.numbers += ('z',)", "cannot be imported: "),
    ],
)
def test_a_package_that_is_not_a_release_says_what_is_missing(open_moody: Open, init: str, words: str):
    for _ in range(2):  # once newly installed, once already installed
        with pytest.raises(NotComparedError) as error:
            open_moody(init=init).ask([Describe()])
        assert words in error.value.message


def test_a_damaged_graph_cannot_be_loaded(open_moody: Open):
    with pytest.raises(NotComparedError, match="cannot be loaded: SeatrialError: The compiled graph cannot be loaded"):
        open_moody(model=b"\x08\x0a").ask([Describe()])


@pytest.mark.soak
@pytest.mark.usefixtures("_without_the_kernel")
def test_a_model_from_outside_its_wheel_is_refused(open_moody: Open, tmp_path: Path):
    checkout = tmp_path / "checkout"
    (checkout / "elsewhere").mkdir(parents=True)
    (checkout / "elsewhere" / "__init__.py").write_text("def predict(given):\n    return []\n")
    (checkout / "loose.py").write_text("value = 1\n")
    path = f"import sys; sys.path.insert(0, {str(checkout)!r})\n"
    inits = {
        "elsewhere": f"{path}{INIT}from elsewhere import predict\n",
        "loose": f"{INIT}\ndef predict(given):\n    {path}    import loose\n    return release.predict(given)\n",
        "moody_model.artifacts": f"{INIT}predict = release.predict\nfrom pathlib import Path\nrelease.artifacts = Path({str(checkout)!r})\n",
    }
    for name, init in inits.items():
        with pytest.raises(NotComparedError, match=f"imported {name} from {checkout}.*, not from its wheel in "):
            open_moody(init=init).ask([Predict("p", [row()])])


def test_an_environment_that_was_edited_is_refused(open_moody: Open, toolkit: Path):
    sandbox = open_moody(init=INIT + "predict = release.predict  # its own\n")
    (path,) = sandbox.environment.root.glob("lib/python*/site-packages/moody_model/features.py")
    content = path.read_text()
    path.unlink()  # it may be a link into the installer's cache
    path.write_text(content.replace("return x if", "return 0 if"))
    with pytest.raises(
        NotComparedError, match=r"moody_model/features\.py in the environment .* differs from the wheel"
    ):
        open_sandbox(sandbox.wheel.path, POLICY, toolkit=toolkit, cache=sandbox.environment.root.parent)


def test_pins_are_the_versions_that_determine_predictions():
    made_with = {
        "python": "3.12.1",
        "numpy": "2.1.0",
        "onnxruntime": "1.20.1",
        "pydantic": "2.10",
        "scikit-learn": "1.6.0",
        "seatrial": "0.1.0",
    }
    onnx = ["numpy==2.1.0", "onnxruntime==1.20.1", "pydantic==2.10"]
    assert pins({"engine": "onnx", "environment": made_with}) == onnx
    assert pins({"engine": "native", "environment": made_with}) == [*onnx, "scikit-learn==1.6.0"]
    assert pins({}) == []


def test_unavailable_versions_are_named(open_moody: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(
        NotComparedError, match="The candidate cannot be run: The environment cannot be created"
    ) as error:
        open_moody(environment={"numpy": "999.1"})
    assert "numpy==999.1" in error.value.message
