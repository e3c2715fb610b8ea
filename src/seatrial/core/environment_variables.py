"""The environment variables that Seatrial reads, in one place; docs/reference/settings.md is written from here.

Those that a setting or an option names instead (tokens, passwords) stand here by their defaults.
"""

VARIABLES = {
    "SEATRIAL_HOME": "a folder for what is kept outside of projects: environments, the state and the logs of "
    "the target local; default: the user's folders for caches and for state",
    "SEATRIAL_DEBUG": "anything: show a traceback with an error, as `--debug` does",
    "SEATRIAL_<NAME>_TOKEN": "the token of the index called NAME, where its settings name no variable",
    "SEATRIAL_INDEX_PASSWORD": "the password of `seatrial index serve`",
    "SEATRIAL_LOCK_INDEX": "an index that has the toolkit, for `seatrial ci lock`",
    "SEATRIAL_DRAIN": "seconds after SIGTERM in which a server's idle connections may still ask; default: 0",
    "HOST": "the address that a server listens on; default: 127.0.0.1",
    "PORT": "the port that a server listens on; default: 8001",
    "GEMFURY_PULL_TOKEN": "the token to read an index at Gemfury",
    "GEMFURY_PUSH_TOKEN": "the token to publish to it",
    "RAILWAY_TOKEN": "the token of a Railway project, for `seatrial deploy railway`",
    "RAILWAY_API_TOKEN": "the token of a Railway account, which needs the setting `project` too",
    "PIP_EXTRA_INDEX_URL": "where a container's build finds the private index; each file is held to its hash",
}
# By these, processes and pipelines of ours find one another; nobody sets them.
INTERNAL = frozenset({"SEATRIAL_BASE", "SEATRIAL_SERVE", "SEATRIAL_SERVED_DIR", "SEATRIAL_TRIAL"})
