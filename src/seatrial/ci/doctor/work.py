"""What a call in a pipeline does: test, hold the trial, publish, deploy, upload."""

import re

from seatrial.ci.doctor.shell import Call

DEPLOYS = re.compile(
    r"^(seatrial deploy|railway up|kubectl (apply|set|rollout)|helm (upgrade|install)|flyctl deploy|fly deploy"
    r"|heroku \S*release|git push heroku|gcloud run deploy|aws ecs update-service|docker (push|stack deploy))\b"
)
PUBLISHES = re.compile(r"^(seatrial publish|twine upload|uv publish|poetry publish|flit publish|hatch publish)\b")
TRIES = re.compile(r"^(seatrial trial(?! accept)|pytest\b.*-m[ =]?differential)\b")
TESTS = re.compile(
    r"^(pytest|unittest|tox|nox|make (test|check)\w*|npm (run )?test|seatrial (trial|demo|prove)|go test|cargo test"
    r"|hatch (run )?test|schemathesis|behave|coverage run|\S*(test|check|run)\S*\.(sh|py))\b"
)
PREFIXES = (
    ("python", "-m"),
    ("python3", "-m"),
    ("uv", "run"),
    ("poetry", "run"),
    ("pipenv", "run"),
    ("hatch", "run"),
    ("coverage", "run", "-m"),
    ("xvfb-run",),
    ("timeout",),
)


def plain(call: Call) -> str:
    """The call without paths and without what runs it: `~/tools/bin/python -m pytest x` is `pytest x`."""
    return " ".join(plain_words(call))


def plain_words(call: Call) -> list[str]:
    """The words of `plain`."""
    words = [call.program, *call.words[1:]]
    changed = True
    while changed:
        changed = False
        for prefix in PREFIXES:
            if tuple(words[: len(prefix)]) == prefix and len(words) > len(prefix):
                words, changed = words[len(prefix) :], True
                words[0] = words[0].rpartition("/")[2]
    return words


def tests(call: Call) -> bool:
    """Whether it runs tests."""
    return bool(TESTS.match(plain(call)))


def tries(call: Call) -> bool:
    """Whether it holds the differential trial."""
    return bool(TRIES.match(plain(call)))


def deploys(call: Call) -> bool:
    """Whether it brings something into service."""
    return bool(DEPLOYS.match(plain(call)))


def publishes(call: Call) -> bool:
    """Whether it puts a release where others take it from."""
    return bool(PUBLISHES.match(plain(call))) or uploads(call)


def uploads(call: Call) -> bool:
    """Whether it sends a file by hand: curl or wget with a body."""
    if call.program == "curl":
        return any(
            word in ("-F", "--form", "-T", "--upload-file", "--data-binary") or word.startswith(("-F", "--form=", "-T"))
            for word in call.words[1:]
        )
    return call.program == "wget" and any(word.startswith(("--post-file", "--body-file")) for word in call.words)
