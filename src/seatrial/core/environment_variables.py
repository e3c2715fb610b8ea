"""The environment variables that Seatrial reads, in one place; docs/reference/settings.md is written from here.

Variables that a setting or an option can rename (tokens, passwords) are listed by their default names.
"""

VARIABLES = {
    "SEATRIAL_HOME": "the folder for everything outside of projects: environments, and the state and logs of the "
    "target local; default: the user's cache and state folders",
    "SEATRIAL_CACHE_GB": "the gigabytes that environments may take before the oldest are removed; default: 2",
    "SEATRIAL_DEBUG": "any value: show the traceback of an error, as `--debug` does",
    "SEATRIAL_<NAME>_TOKEN": "the token of the index called NAME, unless its settings name another variable",
    "SEATRIAL_INDEX_PASSWORD": "the password of `seatrial index serve`",
    "SEATRIAL_LOCK_INDEX": "the index that `seatrial ci lock` finds the toolkit on",
    "SEATRIAL_DRAIN": "seconds after SIGTERM in which idle connections may still send a request; default: 0",
    "SEATRIAL_ALLOWED_HOSTS": "host names that requests to a server may have, separated by commas; default: loopback "
    "names on a loopback address, all on others",
    "HOST": "the address that a server listens on; default: 127.0.0.1",
    "PORT": "the port that a server and the target local listen on; default: the setting, or 8001",
    "GEMFURY_PULL_TOKEN": "the token for reading a Gemfury index",
    "GEMFURY_PUSH_TOKEN": "the token for publishing to it",
    "RAILWAY_TOKEN": "the token of a Railway project, for `seatrial deploy railway`",
    "RAILWAY_API_TOKEN": "the token of a Railway account; it requires the setting `project` too",
    "PIP_EXTRA_INDEX_URL": "the private index for building a container; each file is checked against its hash",
}
# Seatrial's own processes and pipelines find one another by these; users do not set them.
INTERNAL = frozenset({"SEATRIAL_BASE", "SEATRIAL_REPORTS", "SEATRIAL_SERVE", "SEATRIAL_SERVED_DIR", "SEATRIAL_TRIAL"})
