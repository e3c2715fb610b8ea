"""Ctrl-C: what it does where nothing can handle it, as while a command loads what it needs.

Loads next to nothing itself: what arrives before `end_at_interrupt` ends in a traceback of Python's.
"""

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import Any
else:
    import _signal as signal  # which `signal` wraps: that one takes longer to load than all the rest before it

INTERRUPTED = 130  # the exit code: 128 + SIGINT


def end_at_interrupt(code: int = INTERRUPTED, message: str = "") -> None:
    """Let Ctrl-C end the process at once from now on, without a traceback: there is nothing to undo.

    An exception would arrive in the middle of an import, where C code turns it into another error, or in a place that
    nobody can guard. A caller's own handler stays, and so does a signal that is ignored.
    """

    def end(*_: object) -> None:
        try:
            os.write(2, message.encode())
        finally:
            os._exit(code)

    end.of_seatrial = True  # type: ignore[attr-defined]
    _replace(end)


class RaisingInterrupts:
    """A context in which Ctrl-C raises KeyboardInterrupt, as it does in Python by default; notes that it arrived."""

    arrived = False  # whatever has become of the KeyboardInterrupt since

    def __enter__(self) -> "RaisingInterrupts":
        """Set the handler, unless the process has one of its own."""

        def note(number: int, frame: "FrameType | None") -> None:
            self.arrived = True
            signal.default_int_handler(number, frame)

        note.of_seatrial = True  # type: ignore[attr-defined]
        self._before = _replace(note)
        return self

    def __exit__(self, *_: object) -> None:
        """Set the earlier handler again."""
        if self._before:
            _replace(self._before)


def _replace(handler: "Any") -> object:
    """Set a handler of ours in place of Python's own or of another of ours; returns that, None if nothing was done."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler and not hasattr(before, "of_seatrial"):
        return None
    try:
        return signal.signal(signal.SIGINT, handler)
    except ValueError:  # signals are the main thread's
        return None
