"""The application: the commands, the options that all of them share, and the one place that handles errors."""

import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import typer

from seatrial.cli import show
from seatrial.cli.adopt import adopt
from seatrial.cli.bundle import bundle, job
from seatrial.cli.cache import cache
from seatrial.cli.ci import ci, doctor
from seatrial.cli.deploy import deploy, deployments, rollback
from seatrial.cli.exact import exact
from seatrial.cli.export import export
from seatrial.cli.index import index
from seatrial.cli.keys import keys
from seatrial.cli.log import log
from seatrial.cli.new import new
from seatrial.cli.predict import predict
from seatrial.cli.releases import build, bump, compare, publish, release, releases
from seatrial.cli.runs import runs
from seatrial.cli.serve import demo, serve
from seatrial.cli.train import refresh, train
from seatrial.cli.trial import prove, trial
from seatrial.cli.tune import tune
from seatrial.cli.update import add, update
from seatrial.cli.watch import watch
from seatrial.core.errors import DISK, SeatrialError, describe_os_error, refusal_in
from seatrial.core.interrupts import INTERRUPTED, RaisingInterrupts
from seatrial.core.processes import open_closed_streams

CIRCLE = "Symlink loop from "  # how Path.resolve says so, before Python 3.13
EXIT_CODES = {
    0: "done",
    1: "an error, or a negative result: a blocked trial, an alarm, a finding of the doctor, a merge conflict",
    2: "a usage error: an unknown option, an invalid policy",
    3: "a trial is undecided: inconclusive, or waiting for acceptance; or the watch could not look",
    4: "the trial could not compare the two releases",
    INTERRUPTED: "interrupted by Ctrl-C",
}
app = typer.Typer(
    name="seatrial",
    help="From a table to a production model service, with a sea trial before every release.",
    epilog="Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + ".",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
PROJECT, RELEASE, SERVICE, CHECKS = "A project", "A release", "In production", "Checks, pipelines, machine"
for panel, commands in {
    PROJECT: (new, adopt, update, add, demo),
    RELEASE: (refresh, bump, tune, train, build, publish, release, releases, compare, predict),
    SERVICE: (serve, deploy, rollback, deployments, bundle, job),
    CHECKS: (prove, exact, doctor),
}.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(runs, name="runs", rich_help_panel=RELEASE)
app.add_typer(trial, name="trial", rich_help_panel=RELEASE)
app.add_typer(export, name="export", rich_help_panel=RELEASE)
app.add_typer(keys, name="keys", rich_help_panel=SERVICE)
app.add_typer(log, name="log", rich_help_panel=SERVICE)
app.add_typer(watch, name="watch", rich_help_panel=SERVICE)
app.add_typer(index, name="index", rich_help_panel=SERVICE)
app.add_typer(ci, name="ci", rich_help_panel=CHECKS)
app.add_typer(cache, name="cache", rich_help_panel=CHECKS)


def _version(wanted: bool) -> None:
    if wanted:
        from seatrial import __version__

        typer.echo(f"seatrial {__version__}")
        raise typer.Exit


@app.callback()
def _shared(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Show a traceback with an error; also works after the command."),
) -> None:
    pass


def _closed_pipe(code: int = 0) -> int:
    """Drop what is still buffered for standard output, which Python would try to write at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for an error, 2 for a usage error, 130 for Ctrl-C."""
    open_closed_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or bool(os.environ.get("SEATRIAL_DEBUG"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # results are UTF-8 whatever the locale says
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    with RaisingInterrupts() as interrupts:
        try:
            try:
                app([word for word in words if word != "--debug"])
            finally:
                sys.stdout.flush()
        except BaseException as error:
            if interrupts.arrived and not _chosen(error):  # whatever has become of it in the middle of an import
                show.info("stopped")
                return INTERRUPTED
            return _report(error, debug)
    return 0


def _chosen(error: BaseException) -> bool:
    """Whether a command has ended with an exit code of its own."""
    return isinstance(error, SystemExit) and error.code != INTERRUPTED


def _report(error: BaseException, debug: bool) -> int:
    """Print what has ended a command, unless that is done; returns the exit code."""
    if isinstance(error, SystemExit):  # Typer has printed the message
        if isinstance(error.__context__, OSError) and error.__context__.errno == errno.EPIPE:  # `seatrial ... | head`
            return _closed_pipe()
        if error.code == INTERRUPTED:
            show.info("stopped")
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, BrokenPipeError):
        return _closed_pipe()
    if not isinstance(error, Exception):
        raise error
    if debug:
        show.traceback()
    code: int = getattr(error, "exit_code", 1)  # which a command may have set: for `watch`, 1 is an alarm
    if isinstance(error, SeatrialError):
        show.error(error.message, error.hint)
        return code
    if isinstance(error, OSError) and (message := describe_os_error(error)):
        show.error(message)
        return _closed_pipe(code)
    if isinstance(error, RuntimeError) and str(error).startswith(CIRCLE):
        show.error(f"{str(error).removeprefix(CIRCLE)}: this is a symbolic link that leads in a circle.", "Replace it.")
        return code
    if message := refusal_in(str(error)):  # of a tool that a library runs, as copier runs git
        show.error(message, DISK)
        return code
    bug = "This is a bug in Seatrial. Run the command again with --debug, and report its output."
    show.error(f"{type(error).__name__}: {error}", bug)
    return code
