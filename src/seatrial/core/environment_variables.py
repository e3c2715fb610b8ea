"""The environment variables that Seatrial reads, in one place; docs/reference/settings.md is written from here.

Variables that a setting or an option can rename (tokens, passwords) are listed by their default names.
"""

import os
import re
from collections.abc import Mapping, Sequence

VARIABLES = {
    "SEATRIAL_HOME": "the folder for everything outside of projects: environments, and the state and logs of the "
    "target local; default: the user's cache and state folders",
    "SEATRIAL_CACHE_GB": "the gigabytes that environments may take before the oldest are removed; default: 2",
    "SEATRIAL_DEBUG": "any value: show the traceback of an error, as `--debug` does",
    "SEATRIAL_<NAME>_TOKEN": "the token of the index called NAME, unless its settings name another variable",
    "SEATRIAL_INDEX_PASSWORD": "the password of `seatrial index serve`",
    "SEATRIAL_REFERENCE_KEY": "the secret of the hashes that a release carries where `reference` is hashed; the same "
    "for training and trials",
    "SEATRIAL_SIGNING_KEY": "a private key, as PEM or as the path of a PEM file: passed trials are signed with it",
    "SEATRIAL_SIGNING_PASSWORD": "the password of that key, if it has one",
    "SEATRIAL_PUBLIC_KEYS": "the files of the public keys that count, or their folder, in place of the project's; with "
    "it `publish`, `deploy` and `rollback` require a signature",
    "SEATRIAL_TRIALS_FROM": "the job that ran the trial whose verdict a pipeline passes on, in words: `publish` and "
    "`deploy` then take a verdict that was not made on this machine, and their first line shows where it is from",
    "SEATRIAL_LOCK_INDEX": "the index that `seatrial ci lock` finds the toolkit on",
    "SEATRIAL_DRAIN": "seconds after SIGTERM in which idle connections may still send a request; default: 0",
    "SEATRIAL_ALLOWED_HOSTS": "host names that requests to a server may have, separated by commas; default: loopback "
    "names on a loopback address, all on others",
    "SEATRIAL_KEYS": "access keys of a server, as JSON or as the path of a file: `seatrial keys add` makes them",
    "SEATRIAL_LOG": "the prediction log of a server: a folder, s3://, gs:// or postgresql://, or settings as JSON",
    "SEATRIAL_LOG_KEY": "the key of columns that are hashed in the prediction log, at least 16 characters, the same "
    "for all servers and for `seatrial log`; default: a file in the spool",
    "SEATRIAL_WATCH_WEBHOOK": "where `seatrial watch` sends its alarms: one or several https URLs, separated by spaces",
    "SEATRIAL_WATCH_SECRET": "the secret of the signatures of these messages, as whsec_...; default: not signed",
    "SEATRIAL_OPEN": "1: other machines may call a server without a key",
    "SEATRIAL_ACCESS_KEY": "a key of the deployed service, with which `seatrial deploy railway` verifies it",
    "SEATRIAL_CORS_ORIGINS": "origins of web pages that may call a server, separated by commas; default: none",
    "SEATRIAL_BULK_LIMIT": "the most bytes in a table that a server answers as it arrives",
    "SEATRIAL_LEND_SOCKET": "the name by which a server lends its listening socket to others in its network, as to a "
    "canary in containers",
    "SEATRIAL_BORROW_SOCKET": "the name of a socket that a server borrows: the containers of a canary have it",
    "SEATRIAL_ROOT_PATH": "the path below which a proxy serves a server",
    "SEATRIAL_TRUSTED_PROXIES": "addresses and networks of proxies whose X-Forwarded headers count; default: none",
    "SEATRIAL_TLS_CERTIFICATE": "the file of a TLS certificate (PEM), with which a server serves https",
    "SEATRIAL_TLS_KEY": "the file of its private key (PEM)",
    "SEATRIAL_WAIT_LIMIT": "seconds that a request to a server may have to wait for the engine; default: 1",
    "SEATRIAL_GRPC_PORT": "the port on which a server answers gRPC, which needs the extra `grpc`; default: none",
    "SEATRIAL_MCP": "1: a server answers the Model Context Protocol at /mcp, which needs the extra `mcp`",
    "HOST": "the address that a server listens on; default: 127.0.0.1",
    "PORT": "the port that a server and the target local listen on; default: the setting, or 8001",
    "GEMFURY_PULL_TOKEN": "the token for reading a Gemfury index",
    "GEMFURY_PUSH_TOKEN": "the token for publishing to it",
    "RAILWAY_TOKEN": "the token of a Railway project, for `seatrial deploy railway`",
    "RAILWAY_API_TOKEN": "the token of a Railway account; it requires the setting `project` too",
    "PIP_EXTRA_INDEX_URL": "the private index for building a container; each file is checked against its hash",
    "MLFLOW_TRACKING_URI": "the MLflow tracking server of `seatrial runs export`, unless --mlflow names one",
}
# Seatrial's own processes and pipelines find one another by these; users do not set them.
INTERNAL = frozenset(
    {"SEATRIAL_BASE", "SEATRIAL_LOG_PYTHON", "SEATRIAL_REPORTS", "SEATRIAL_SERVE", "SEATRIAL_SERVED_DIR"}
)

# What a process may need to start and to run like any other here, by exact name or as a pattern. None holds a secret:
# names of tokens, passwords and indexes are not among them, so a process that gets only these cannot give any away.
HARMLESS = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|PWD|TERM|COLUMNS|LINES|NO_COLOR|TZ|LANG|LANGUAGE|LC_[A-Z]+|TMPDIR|TEMP|TMP"
    r"|XDG_(CACHE|STATE|DATA|CONFIG|RUNTIME)_(HOME|DIR)|LD_LIBRARY_PATH|DYLD_(FALLBACK_)?LIBRARY_PATH"
    r"|SSL_CERT_(FILE|DIR)|SOURCE_DATE_EPOCH|(OMP|OPENBLAS|MKL|NUMEXPR|BLIS|VECLIB)_NUM_THREADS|MALLOC_ARENA_MAX|ORT_DISABLE_TELEMETRY"
    r"|PYTHON(UTF8|IOENCODING|UNBUFFERED|DONTWRITEBYTECODE|PYCACHEPREFIX|HASHSEED|FAULTHANDLER)"
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|APPDATA|LOCALAPPDATA|USERPROFILE|PROGRAMDATA|PROGRAMFILES"
    r"|PROCESSOR_[A-Z]+|NUMBER_OF_PROCESSORS"
    r"|SEATRIAL_(HOME|CACHE_GB|DEBUG|DRAIN|BASE|REPORTS|SERVE|SERVED_DIR)|HOST|PORT"
)


def allowed_environment(more: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment variables for a process that runs the code of a release or of a build: an allow-list.

    `more` are further names that a project asks for; `variables` default to this process's own.
    """
    own = os.environ if variables is None else variables
    return {name: value for name, value in own.items() if HARMLESS.fullmatch(name.upper()) or name in more}
