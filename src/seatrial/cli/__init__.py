"""The `seatrial` command: each command parses, calls a step, and prints what it returns.

Errors are handled in one place, `main`. Nothing heavy is imported before a command needs it.
"""


def main() -> None:
    """Run the command line; the entry point of the `seatrial` script."""
    try:
        from seatrial.cli.app import run
    except ModuleNotFoundError as error:
        raise SystemExit(f'error: {error.name} is not installed.\nhint: pip install "seatrial[all]"') from None
    raise SystemExit(run())
