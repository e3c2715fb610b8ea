"""The commands of a script, cut at line ends, `&&`, `||`, `;` and `|`, and what they are for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

COMMENT = re.compile(r"(?<!\S)#[^\n]*")
PART = re.compile(
    r"""((?:\\.|(?<!\S)\#[^\n]*|'[^']*'|"(?:\\.|[^"\\])*"|>&|&>|[^;&|\n])+)(\|\||&&|[;&|\n]|\Z)""", re.DOTALL
)
HERE_DOCUMENT = re.compile(r"(?<!<)(<<-?\s*(['\"]?)([A-Za-z_]\w*)\2[^\n]*)\n(.*?\n)?\s*\3(?=\n|\Z)", re.DOTALL)
CONDITION = re.compile(r"\s*(if|elif|while|until|!)\s")
WRAPPER = re.compile(
    r"(?:if|then|else|elif|while|until|do|!|[{(]|@|-|sudo|time|exec|env|command|nohup|xvfb-run( -a)?|timeout \S+"
    r"|\w+=\S*|\S*python[\d.]*(?: -[WX] \S+)* -m|(?:uv|poetry|pipenv|pdm|hatch|coverage) run(?: -\S+)*)\s+"
)
GIVES_UP = re.compile(r"\b(?:exit(?! *0)|return(?! *0)|false)\b")  # after `||`: the failure counts after all

DEPLOYS = re.compile(
    r"(seatrial deploy|railway up|kubectl (apply|set|rollout)|helm (upgrade|install)|fly(ctl)? deploy|heroku \S*release"
    r"|git push heroku|gcloud run deploy|aws ecs update-service|docker (push|stack deploy))\b"
)
UPLOADS = re.compile(r"curl .*(-F|--form|-T|--upload-file|--data-binary)|wget .*--(post|body)-file")
PUBLISHES = re.compile(rf"(seatrial publish|twine upload|(uv|poetry|flit|hatch) publish)\b|{UPLOADS.pattern}")
TRIES = re.compile(r"seatrial trial\b(?! accept)|pytest\b.*-m[ =]?differential\b")
TESTS = re.compile(
    r"(?!.* --?(co|collect-only|version|help|h|fixtures|markers|setup-only|setup-plan)( |$))"  # which run none
    r"(pytest|py\.test|unittest|tox|nox|make \S*(test|check)|npm (run )?test|seatrial (trial|demo|prove)|go test"
    r"|cargo test|schemathesis|behave)\b"
)
# Programs that are no tests and release nothing else; any other one may do anything, and is reported as not checked.
KNOWN = re.compile(
    r"(echo|printf|true|:|cd|pushd|popd|ls|cat|mkdir|cp|mv|rm|set|export|source|\.|test|\[|exit|wait|date|which|chmod"
    r"|touch|tar|tee|fi|done|esac|else|[})]+|false|return|pip\S*|uv|uvx|apt|apt-get|apk|git|curl|wget|ruff|black|isort"
    r"|flake8|mypy|venv|virtualenv|build|ensurepip|twine|poetry|hatch|flit|seatrial|railway|kubectl|helm|pytest"
    r"|py\.test|unittest|npm (ci|install)|docker (build|login|tag|push|stack))(\s|$)"
)


@dataclass(frozen=True)
class Command:
    """One command without what runs it: `poetry run python -m pytest x` is `pytest x`."""

    line: int
    text: str
    ignored: bool = False  # the script ends well although it failed
    after_failure: bool = False  # it runs although an earlier step failed
    reach: str = "any"  # which commits get here, see workflow.py

    @property
    def is_unknown(self) -> bool:
        """Whether it may do anything: a script, a task runner, a program that is not known here."""
        return not (KNOWN.match(self.text) or DEPLOYS.match(self.text) or PUBLISHES.match(self.text))

    @property
    def is_trial(self) -> bool:
        """Whether it runs the trial, or is a task that is named after it: `make trial`, `nox -s differential`."""
        return bool(TRIES.match(self.text) or (self.is_unknown and re.search(r"(?i)\btrial|differential", self.text)))


NOTHING, STRICT = Command(0, ""), "bash -eo pipefail"


def commands(script: str, line: int = 1, base: Command = NOTHING, shell: str = STRICT) -> Iterator[Command]:
    """Every command of a script that begins on this line, for a shell as a service calls it; `base` has the rest."""
    errexit, pipefail = "-e" in shell or shell in ("bash", "sh"), "pipefail" in shell or shell == "bash"
    script = HERE_DOCUMENT.sub(lambda found: found[1] + "\n" * found[0].count("\n"), script)
    for part in PART.finditer(script):
        text = re.sub(r"(?:\\\n|\s)+", " ", COMMENT.sub("", part[1])).strip()
        rest, _, later = script[part.end() :].partition("\n") if part[2] != "\n" else ("", "", script[part.end() :])
        while wrapper := WRAPPER.match(text + " "):
            text = text[wrapper.end() :].strip()
        if not text:
            continue
        if text.startswith("set "):
            errexit = "+e" not in text and "+o errexit" not in text and (errexit or bool(re.search(r" -\w*e", text)))
            pipefail = "+o pipefail" not in text and (pipefail or "pipefail" in text)
        ignored = not CONDITION.match(part[1]) and (
            (part[2] == "||" and not GIVES_UP.search(rest + later if "{" in rest else rest))
            or (part[2] == ";" and rest.strip() in ("true", ":", "exit 0"))
            or (part[2] == "&" and "wait" not in rest + later)
            or (part[2] == "|" and not pipefail)
            or (part[2] == "\n" and not errexit and bool(later.strip()) and "$?" not in later)
        )
        at = line + script.count("\n", 0, part.start() + len(part[1]) - len(part[1].lstrip()))
        yield replace(base, line=at, text=re.sub(r"^[^\s'\"=]*/(?=\S)", "", text), ignored=base.ignored or ignored)
