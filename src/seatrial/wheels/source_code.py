"""What Python runs in a package instead of the source code that people review, or other than they read it."""

import io
import re
import tokenize
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

LIMIT = 4 * 2**20  # bytes of one module
MAGIC = range(0x0B00, 0x1000)  # the first two bytes of compiled code of any Python 3, before a CR and a LF
INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp"})  # control characters, and what changes the order of letters
ALLOWED = frozenset("\t\n\f\ufeff")
# Letters without a shape, which may be names, and variation selectors, a row of which can carry any text.
INVISIBLE_TEXT = re.compile("[\u115f\u1160\u3164\uffa0]|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2}")
WORD = re.compile(r"[^\W\d]\w*")
TOKENS_LIMIT = 256 * 2**10  # bytes of a module that is read word by word


def bytecode(name: str) -> str:
    """Complain about compiled Python code, by its name: it runs in place of the module that it is compiled from."""
    path = PurePosixPath(name.lower())
    if "__pycache__" in path.parts or path.suffix in (".pyc", ".pyo"):
        return f"{name} is compiled Python code, which runs in place of the source code"
    if path.suffix == ".pyw":
        return f"{name} is a second kind of source file, which runs in place of the first on some systems"
    return ""


def is_bytecode(head: bytes) -> bool:
    """Whether a file starts as compiled Python code does, whatever its name."""
    return head[2:4] == b"\r\n" and int.from_bytes(head[:2], "little") in MAGIC


def shadowed_modules(names: Iterable[str]) -> list[str]:
    """Complain about modules that Python finds in two places, of which it runs only one."""
    found: dict[str, str] = {}
    result = []
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.suffix.lower() not in (".py", ".pyc"):
            continue
        package = path.stem == "__init__" and len(path.parts) > 1
        module = str(path.parent if package else path.with_suffix("")).casefold()
        if module in found:
            result.append(f"{found[module]} and {name} are the same module, of which only one runs")
        found[module] = name
    return result


def source_complaint(name: str, content: bytes) -> str:
    """Complain about a module that Python reads differently from those who review it."""
    stem = PurePosixPath(name).stem
    if not stem.isidentifier() or not name.isascii():
        return f"{name} is not a module that can be imported by its name"
    if len(content) > LIMIT:
        return f"{name} is over {LIMIT >> 20} MiB"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode("utf-8")
    except (SyntaxError, UnicodeDecodeError):
        return f"{name} is not UTF-8"
    if encoding not in ("utf-8", "utf-8-sig", "ascii"):
        return f"{name} declares the encoding {encoding}, so it is not what it looks like"
    if re.search(r"\r(?!\n)", text):
        return f"{name} has line ends that editors do not show"
    odd = next((c for c in set(text) if not c.isprintable() and c not in ALLOWED and c != "\r"), "")
    if odd and unicodedata.category(odd) in INVISIBLE:
        return f"{name} contains the invisible character U+{ord(odd):04X}"
    if hidden := INVISIBLE_TEXT.search(text):
        return f"{name} contains the invisible character U+{ord(hidden[0][0]):04X}"
    return "" if text.isascii() else _disguised_name(name, text)


def _disguised_name(name: str, text: str) -> str:
    """Complain about a name in letters that Python reads as others, such as a mathematical `eval`."""
    foreign = {word for word in WORD.findall(text) if not word.isascii()}
    words = {word for word in foreign if unicodedata.normalize("NFKC", word).isascii()}
    if not words:
        return ""
    if len(text) > TOKENS_LIMIT:
        return f"{name} contains letters that Python reads as others, such as {min(words)[:40]!r}"
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        found = next((t.string for t in tokens if t.type == tokenize.NAME and t.string in words), "")
    except (tokenize.TokenError, SyntaxError, RecursionError):
        return f"{name} is not valid Python code"
    read = unicodedata.normalize("NFKC", found)[:40]
    return f"{name} contains the name {found[:40]!r}, which Python reads as {read!r}" if found else ""
