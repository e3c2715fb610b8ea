"""What pip and uv are told to install. The two share a word or two, and neither reads the other's variables."""

import re
from dataclasses import dataclass, field

from seatrial.ci.doctor.shell import Call, entered, joined
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.work import unwrapped

# Options whose value is the next word.
COMMON = (
    "-r --requirement -c --constraint -f --find-links -i --index-url --extra-index-url -t --target --prefix --python"
)
VALUED = {
    "pip": set(
        f"{COMMON} --progress-bar --only-binary --no-binary --trusted-host --cache-dir --platform --python-version"
        " --implementation --abi --root --src --upgrade-strategy --config-settings -C --report --log --proxy --retries"
        " --timeout --cert --client-cert --exists-action --use-feature --index".split()
    ),
    "uv": set(
        f"{COMMON} --requirements --constraints --index --default-index --index-strategy --keyring-provider -p --with"
        " --from --extra --group --only-group --no-group --package --no-install-package --python-platform"
        " --python-version --upgrade-package -P --resolution --prerelease --exclude-newer --link-mode --cache-dir"
        " --directory --project --config-file --only-binary --no-binary --refresh-package --reinstall-package"
        " --override --overrides -w --with-requirements --allow-insecure-host --color --torch-backend -e --editable"
        " --no-build-package --no-binary-package --rev --tag --branch --bounds --env-file --config-setting -C".split()
    ),
}
EXTRA = {
    "pip": re.compile(r"^--extra-index-?u?r?l?(=|$)"),
    "uv": re.compile(r"^(--extra-index-url|--index)(=|$)"),
}
# What adds an index, and what asks for hashes, from the environment.
ADDING = {"pip": ("PIP_EXTRA_INDEX_URL",), "uv": ("UV_INDEX", "UV_EXTRA_INDEX_URL")}
HASHES = {"pip": "PIP_REQUIRE_HASHES", "uv": "UV_REQUIRE_HASHES"}
UV = {
    ("pip", "install"), ("pip", "sync"), ("tool", "install"), ("tool", "run"), ("sync",), ("add",), ("run",), ("lock",),
}  # fmt: skip


@dataclass(frozen=True)
class Install:
    """One installation: by `tool` (pip or uv), in its words `verb`; names of packages, and files of requirements."""

    tool: str
    verb: str
    words: tuple[str, ...]
    names: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    folder: str | None = ""

    @property
    def adds_an_index(self) -> bool:
        """Whether it asks another index beside the one that it has."""
        return any(EXTRA[self.tool].match(word) for word in self.words)

    @property
    def strategy(self) -> str:
        """uv's --index-strategy, where it is one of the unsafe ones."""
        found = re.search(r"\bunsafe-(best|first)-match\b", " ".join(self.words))
        return found.group() if self.tool == "uv" and found else ""

    @property
    def has_no_index(self) -> bool:
        """Whether it takes nothing from any index: told so, or given local files alone, without what they need."""
        local = [name for name in self.names if name.startswith((".", "/")) or name.endswith((".whl", ".tar.gz"))]
        alone = len(local) == len(self.names) and bool(local) and not self.files
        return "--no-index" in self.words or (alone and "--no-deps" in self.words)

    def hashed(self, tree: Tree) -> bool:
        """Whether each file must have its hash: by option, by a lock file, or by the requirements themselves."""
        if "--require-hashes" in self.words:
            return True
        if self.verb in ("uv sync", "uv run"):
            # uv.lock names each package's index and hash; what --with brings is not in it.
            folder = tree.inside(self.folder)
            return not self.names and (folder is None or tree.has(f"{folder}/uv.lock".lstrip("/")))
        if self.names or not self.files or "--no-verify-hashes" in self.words:
            return False
        places = [tree.inside(entered(self.folder, name)) for name in self.files]
        # pip holds all to their hash as soon as one of them has one; with uv each must have its own.
        enough = any if self.tool == "pip" else all
        return all(place is not None and enough(_hashes(tree, place)) for place in places)


def installation(call: Call) -> Install | None:
    """Read a call of pip or uv that installs; None where it does something else."""
    inner = unwrapped(call)
    words = inner.words
    if re.fullmatch(r"pip3?(\.\d+)?", words[0]) and "install" in words:
        return _read("pip", "pip install", words[words.index("install") + 1 :], inner.folder)
    words = tuple(each.rpartition("/")[2] if n == 0 else each for n, each in enumerate(call.words))
    if words[0] == "uvx":
        return _read("uv", "uvx", words[1:], call.folder)
    if words[0] != "uv":
        return None
    folder, rest = call.folder, list(words[1:])
    while rest and rest[0].startswith("-"):  # options of uv itself
        if rest[0] == "--directory":
            folder = entered(folder, "".join(rest[1:2]))
        rest = rest[2 if rest[0] in VALUED["uv"] else 1 :]
    verb = next((each for each in UV if tuple(rest[: len(each)]) == each), None)
    return _read("uv", " ".join(("uv", *verb)), tuple(rest[len(verb) :]), folder) if verb else None


def _read(tool: str, verb: str, words: tuple[str, ...], folder: str | None) -> Install:
    names, files, position = list[str](), list[str](), 0
    while position < len(words):
        word = words[position]
        option, equals, value = word.partition("=")
        position += 1
        if not word.startswith("-"):
            names.append(word)
            if verb in ("uv run", "uvx", "uv tool run"):
                names = names if verb != "uv run" else names[:-1]
                break  # the rest is what is run
            continue
        if option in VALUED[tool] and not equals:
            value, position = "".join(words[position : position + 1]), position + 1
        elif word.startswith("-r") and len(word) > 2:
            option, value = "-r", word[2:].removeprefix("=")
        if option in ("-r", "--requirement", "--requirements", "--with-requirements"):
            files.append(value)
        elif option in ("--with", "-w", "--from", "-e", "--editable"):
            names.append(value)
    own = words[:position]
    return Install(tool, verb, own, names, files, folder)


def _hashes(tree: Tree, path: str) -> list[bool]:
    """Whether each requirement of a file has a hash; a file that is not there has none, and neither has its one."""
    found = [
        "--hash=" in line
        for _, line in joined(tree.text(path))
        if line.strip() and not line.strip().startswith(("#", "-"))
    ]
    return found or [False]
