"""Shell text taken apart, as far as one needs to see which programs it calls, where, and whether failures count."""

import itertools
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

OPERATORS = re.compile(r">>|<<|&>>|&>|>&|<&|>\||&&|\|\||;;|\|&|[();<>|&]")
SEPARATORS = {"&&", "||", ";", "|", "&", "|&", ";;"}
REDIRECTIONS = {">", "<", ">>", "<<", "&>", "&>>", ">&", "<&", ">|"}
CLOSING = {"fi", "done", "esac", "}", ")"}
CONDITIONAL = {"if", "elif", "while", "until", "!"}
OPENING = {"sudo", "time", "exec", "then", "do", "else", "(", "{", "@", "-", "command", "nohup"} | CONDITIONAL
HARMLESS = {"true", ":", "echo", "printf"}


@dataclass(frozen=True)
class Shell:
    """What a script begins with: whether a failure ends it, and whether that of a pipe's earlier parts is one."""

    errexit: bool = True
    pipefail: bool = True


@dataclass(frozen=True)
class Call:
    """One program with its arguments, and the line it is on; `ignored` where its failure changes nothing.

    `folder` is where it is called, relative to the folder that is looked at; None where that cannot be known.
    """

    line: int
    words: tuple[str, ...]
    ignored: bool = False
    folder: str | None = ""

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return self.words[0].rpartition("/")[2]

    def __str__(self) -> str:
        return " ".join(self.words)


@dataclass
class _Part:
    line: int
    before: str  # the separator that stands before it
    after: str
    words: list[str]
    shell: Shell
    folder: str | None
    conditional: bool = False


@dataclass
class _Walk:
    """Where the reading of a script stands."""

    shell: Shell
    folder: str | None
    parts: list[_Part] = field(default_factory=list)
    around: list[tuple[Shell, str | None]] = field(default_factory=list)  # of the subshells that are open


def calls(
    script: str | Iterable[tuple[int, str]], first_line: int = 1, shell: Shell = Shell(), folder: str | None = ""
) -> list[Call]:
    """Every program that a script calls, in order; it may be given as pieces with their lines, run by one shell."""
    walk = _Walk(shell, folder)
    pieces = [(first_line, script)] if isinstance(script, str) else list(script)
    for line, text in (each for number, piece in pieces for each in joined(piece, number)):
        _read(walk, line, text)
    # Where a script looks at `$?` itself, or has branches, which of its failures count cannot be seen line by line.
    own_ways = any(re.search(r"\$\?|PIPESTATUS|(?m:^\s*(?:else|elif|case)\b)", text) for _, text in pieces)
    waited = any(part.words[0] == "wait" and len(part.words) > 1 for part in walk.parts)
    found: list[Call] = []
    for position, part in enumerate(walk.parts):
        ignored = not part.conditional and _ignored(part, walk.parts[position + 1 :], own_ways, waited)
        found += _within(Call(part.line, tuple(part.words), ignored, part.folder))
    return found


def entered(folder: str | None, into: str) -> str | None:
    """The folder that `cd into` leads to; None where a variable or the like says which."""
    if folder is None or not into or into.startswith(("/", "~", "-")) or re.search(r"[$*?{<`]", into):
        return None
    found = posixpath.normpath(posixpath.join(folder, into))
    return "" if found == "." else found


def joined(text: str, first_line: int = 1) -> Iterator[tuple[int, str]]:
    """The lines of a text with continuations and open quotes put together, each with the number of its first one.

    The bodies of here-documents are left out.
    """
    begun, number, ends = "", first_line, list[str]()
    for offset, line in enumerate(text.splitlines()):
        if ends:
            ends = ends[line.strip() == ends[0] :]
            continue
        if not begun:
            number = first_line + offset
        if line.rstrip().endswith("\\"):
            begun += line.rstrip()[:-1] + " "
            continue
        whole = begun + line
        words = _lexed(whole)
        if words is None and whole.count("\n") < 50:
            begun = whole + "\n"
            continue
        begun = ""
        yield from enumerate([whole] if words else whole.splitlines(), number)
        pairs = itertools.pairwise(words or [])
        ends = [after.removeprefix("-") for word, after in pairs if word == "<<" and re.match(r"-?[A-Za-z_]", after)]
    for offset, rest in enumerate(begun.splitlines()):  # a quote that is never closed: line by line
        yield number + offset, rest


def _lexed(text: str) -> list[str] | None:
    """The words of a text; None where a quote is open at its end."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return None


def _words(text: str) -> list[str]:
    found = _lexed(text)
    if found is None:
        return text.split()
    return [each for word in found for each in (OPERATORS.findall(word) if _punctuation(word) else [word])]


def _punctuation(word: str) -> bool:
    return bool(word) and all(letter in "();<>|&" for letter in word)


def _read(walk: _Walk, line: int, text: str) -> None:
    before, words, within = "", list[str](), 0
    for word in [*_words(text), ";"]:
        if word == "(" and (words or within):
            within += 1  # of $( ), or of a function
        elif word == ")" and within:
            within -= 1
        elif word == "(":
            walk.around.append((walk.shell, walk.folder))
        elif not within and (word in SEPARATORS or word == ")"):
            if _bare(words):
                _end(walk, line, (before, word), words)
                before, words = word, []
            before = word if word != ")" else before
            if word == ")" and walk.around:
                walk.shell, walk.folder = walk.around.pop()
        else:
            words.append(word)


def _end(walk: _Walk, line: int, around: tuple[str, str], words: list[str]) -> None:
    bare = _without_redirections(_bare(words))
    if not bare:
        return
    walk.parts.append(_Part(line, *around, bare, walk.shell, walk.folder, words[0] in CONDITIONAL))
    if bare[0] == "set":
        walk.shell = _set(bare[1:], walk.shell)
    elif bare[0] in ("cd", "pushd"):
        walk.folder = entered(walk.folder, bare[1]) if len(bare) == 2 else None
    elif bare[0] == "popd":
        walk.folder = None


def _bare(words: list[str]) -> list[str]:
    """Take off variables that are set for the call, `sudo`, `time`, `exec`, shell keywords, and make's @ and -."""
    while words and (re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL) or words[0] in OPENING | {"env"}):
        words = words[1:]
    return [re.sub(r"^[@-]+(?=\w)", "", words[0]), *words[1:]] if words else []


def _without_redirections(words: list[str]) -> list[str]:
    found, waiting = list[str](), iter(words)
    for word in waiting:
        if word in REDIRECTIONS:
            next(waiting, "")
            if found and found[-1].isdigit():
                found.pop()
        else:
            found.append(word)
    return found


def _set(words: list[str], shell: Shell) -> Shell:
    waiting = iter(words)
    for word in waiting:
        if word[:1] not in ("-", "+"):
            continue
        on, names = word[0] == "-", {"errexit"} if "e" in word[1:] else set()
        if "o" in word[1:]:
            names |= {next(waiting, "")}
        for name in names & {"errexit", "pipefail"}:
            shell = replace(shell, **{name: on})
    return shell


def _ignored(part: _Part, rest: list[_Part], own_ways: bool, waited: bool) -> bool:
    """Whether the script goes on after a failure of this part and ends well."""
    chain: list[_Part] = []  # what is bound to it by &&, || and |
    for each in rest:
        if each.line != part.line or each.before not in ("&&", "||", "|", "|&"):
            break
        chain.append(each)
    after = rest[len(chain) :]
    if (chain[-1] if chain else part).after == "&":
        return not waited
    alternative = next((n for n, each in enumerate(chain) if each.before == "||"), None)
    if alternative is not None:
        branch = [each for each in (*chain[alternative:], *after) if each.line == part.line]
        stops = any(each.words[0] in {"false", "return"} or _exits(each.words) for each in branch)
        return _harmless(branch[0].words) and not stops
    if any(each.line == part.line and each.before == ";" and _ends_well(each.words) for each in after):
        return True  # where a failure ends the script this is never come to, but it says what is meant
    if chain and chain[0].before in ("|", "|&") and not part.shell.pipefail:
        return not own_ways
    more = any(each.words[0] not in CLOSING for each in after)
    if not more or own_ways:
        return False
    return not part.shell.errexit or any(each.before == "&&" for each in chain)


def _exits(words: list[str]) -> bool:
    return words[0] == "exit" and words[1:] != ["0"]


def _harmless(words: list[str]) -> bool:
    return words[0] in HARMLESS or words[:2] == ["exit", "0"]


def _ends_well(words: list[str]) -> bool:
    return words[0] in {"true", ":"} or words[:2] == ["exit", "0"]


def _within(call: Call) -> Iterator[Call]:
    """The call, or what it calls itself: `bash -c TEXT`."""
    flags = [n for n, word in enumerate(call.words[1:3], 1) if re.fullmatch(r"-[a-z]*c", word)]
    if call.program in ("bash", "sh") and flags and len(call.words) > flags[0] + 1:
        shell = _set(list(call.words[1 : flags[0] + 1]), Shell(errexit=False, pipefail=False))
        for each in calls(call.words[flags[0] + 1], call.line, shell, call.folder):
            yield replace(each, line=call.line, ignored=each.ignored or call.ignored)
    else:
        yield call
