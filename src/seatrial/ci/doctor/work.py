"""What a call in a pipeline does: test, hold the trial, publish, deploy, upload. What cannot be told does neither."""

import re
from dataclasses import replace
from functools import lru_cache

from seatrial.ci.doctor.shell import Call, entered

DEPLOYS = re.compile(
    r"^(seatrial deploy|railway up|kubectl (apply|set|rollout)|helm (upgrade|install)|flyctl deploy|fly deploy"
    r"|heroku \S*release|git push heroku|gcloud run deploy|aws ecs update-service|docker (push|stack deploy))\b"
)
PUBLISHES = re.compile(r"^(seatrial publish|twine upload|uv publish|poetry publish|flit publish|hatch publish)\b")
TRIES = re.compile(r"^(seatrial trial(?! accept)|pytest\b.*-m[ =]?differential)\b")
TESTS = re.compile(
    r"^(pytest|py\.test|unittest|tox|nox|make \S*(test|check)\S*|npm (run )?test|seatrial (trial|demo|prove)"
    r"|go test|cargo test|hatch (run )?test|schemathesis|behave|\S*(test|check|run)\S*\.(sh|py))\b"
)
TESTED = re.compile(r"^(seatrial|pytest|py\.test)\b")  # these tell with `tries` whether they hold it
# Programs that we know to be no tests, whatever their arguments. Any other one may be.
NO_TEST = re.compile(
    r"^(echo|printf|true|:|cd|ls|cat|mkdir|cp|mv|rm|set|export|source|\.|test|\[|exit|date|env|which|chmod|touch|tar"
    r"|pip\S*|uv (pip|sync|venv|lock|add|tool install|python)|apt(-get)?|apk|git|curl|wget|ruff|black|isort|flake8|mypy"
    r"|venv|virtualenv|build|ensurepip|twine|seatrial (?!trial|demo|prove)\S+|railway|kubectl|helm)(\s|$)"
)
# What runs a program and is none itself, with its options whose value is the next word.
VALUED = {
    "uv run": "-p --python --extra --group --with --with-editable --with-requirements --env-file --package --index"
    " --default-index --index-url -i --extra-index-url -w -f --find-links --directory --project --config-file"
    " --no-extra --no-group --only-group --index-strategy --cache-dir -C",
    "uvx": "-p --python --with --from -w --index --default-index --index-url -i --extra-index-url",
    "uv tool run": "-p --python --with --from -w --index --default-index --index-url -i --extra-index-url",
    "poetry run": "",
    "pipenv run": "",
    "pdm run": "-p --project",
    "rye run": "",
    "hatch run": "",
    "coverage run": "--source --rcfile --include --omit --data-file --context --concurrency",
    "xvfb-run": "-s --server-args -n --server-num -e --error-file -f --auth-file -p --xauth-protocol",
    "timeout": "-k --kill-after -s --signal",
    "nice": "-n --adjustment",
    "python": "-W -X",
}
# Before their own subcommand these take options, too: `poetry -C titanic run pytest`.
FOLDER = {"uv": ("--directory",), "poetry": ("-C", "--directory"), "pdm": (), "make": ("-C", "--directory")}


@lru_cache(maxsize=4096)
def unwrapped(call: Call) -> Call:
    """The call without paths and without what runs it: `~/tools/bin/python -m pytest x` is `pytest x`.

    Its folder is the one that a --directory leads to.
    """
    words, folder = [call.program, *call.words[1:]], call.folder
    while True:
        words, folder = _subcommand_first(words, folder)
        runner = next((each for each in VALUED if _begins(words, each)), "")
        if not runner:
            return replace(call, words=tuple(words), folder=folder)
        inner, folder = _after(words, runner, folder)
        if inner is None:
            return replace(call, words=tuple(words), folder=folder)
        words = inner


def plain(call: Call) -> str:
    """The words of `unwrapped`, as one text."""
    return " ".join(unwrapped(call).words)


def _begins(words: list[str], runner: str) -> bool:
    if runner == "python":
        return re.fullmatch(r"python[\d.]*(\.exe)?", words[0]) is not None
    return words[: len(runner.split())] == runner.split()


def _after(words: list[str], runner: str, folder: str | None) -> tuple[list[str] | None, str | None]:
    """The words of what a runner runs; None where it is the program itself, as `python -c`, that does the work."""
    rest, valued, is_module = words[len(runner.split()) :], VALUED[runner].split(), False
    while rest and rest[0].startswith("-") and rest[0] != "--":
        option, equals, value = rest[0].partition("=")
        if option in ("-m", "--module") and runner in ("python", "coverage run", "uv run"):
            rest, is_module = rest[1:], True
            break
        if runner == "python" and option not in valued and not re.fullmatch(r"-[bBdEiIOPqRsSuvx]+", option):
            return None, folder
        tool = runner.partition(" ")[0]
        if option in FOLDER.get(tool, ()) or (tool == "pdm" and option in ("--project", "-p")):
            folder = entered(folder, value or "".join(rest[1:2]))
        rest = rest[2 if option in valued and not equals else 1 :]
    rest = rest[1:] if rest[:1] == ["--"] else rest
    if runner in ("timeout",):
        rest = rest[1:]
    if runner == "hatch run" and rest:
        rest = [rest[0].rpartition(":")[2], *rest[1:]]
    if not rest:
        return None, folder
    if runner == "python" and not is_module:
        return [rest[0].rpartition("/")[2], *rest[1:]] if rest[0].endswith(".py") else None, folder
    return [rest[0].rpartition("/")[2], *rest[1:]], folder


def _subcommand_first(words: list[str], folder: str | None) -> tuple[list[str], str | None]:
    """Take the options before a subcommand away: `uv --directory x run` is `uv run` in x."""
    options = FOLDER.get(words[0])
    while options and len(words) > 1 and words[1].startswith("-"):
        option, equals, value = words[1].partition("=")
        taken = 3 if option in options and not equals else 2
        if option in options:
            folder = entered(folder, value or "".join(words[2:3]))
        words = [words[0], *words[taken:]]
    return words, folder


def tests(call: Call) -> bool:
    """Whether it runs tests."""
    return bool(TESTS.match(plain(call)))


def may_test(call: Call) -> bool:
    """Whether it runs tests, or may do so for all that we can see: a script, a task runner, a program of one's own."""
    return tests(call) or not NO_TEST.match(plain(call))


def tries(call: Call) -> bool:
    """Whether it holds the differential trial."""
    return bool(TRIES.match(plain(call)))


def may_try(call: Call) -> bool:
    """Whether it holds the trial, or says in its name that it does: `make trial`, `nox -s differential`."""
    text = plain(call)
    return tries(call) or (
        may_test(call) and bool(re.search(r"(?i)\btrial|differential", text)) and not TESTED.match(text)
    )


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
