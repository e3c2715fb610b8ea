"""The `seatrial` command: each command parses, calls a step, and prints what it returns.

Errors are handled in one place, `main`. Nothing heavy is imported before a command needs it.
"""

from seatrial.core.interrupts import INTERRUPTED, end_at_interrupt


def main() -> None:
    """Run the command line; the entry point of the `seatrial` script."""
    end_at_interrupt(message="stopped\n")  # before anything else is loaded, which takes a second
    from seatrial.core.project_code import move_behind_libraries

    move_behind_libraries()
    try:
        from seatrial.cli.app import run
    except ModuleNotFoundError as error:
        raise SystemExit(f'error: {error.name} is not installed.\nhint: pip install "seatrial[all]"') from None
    try:
        code = run()
    except KeyboardInterrupt:  # a second one, while the first is handled
        code = INTERRUPTED
    end_at_interrupt(code)  # all is done but for Python's own end
    raise SystemExit(code)
