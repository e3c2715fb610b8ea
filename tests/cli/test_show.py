"""What the commands print: between words on a terminal, and as it is elsewhere."""

import errno
import io

import pytest

from seatrial.cli.show import NoteConsole, WordConsole

TEXT = "dist/a_model_with_a_long_name-0.1.0-py3-none-any.whl is published"


def printed(**options: bool) -> str:
    stream = io.StringIO()
    console = WordConsole(file=stream, width=20, soft_wrap=True, highlight=False, color_system=None, **options)  # type: ignore[arg-type]
    console.print(TEXT)
    return stream.getvalue()


def test_on_a_terminal_lines_break_between_words_and_a_path_stays_whole() -> None:
    assert [line.strip() for line in printed(force_terminal=True).splitlines()] == [
        "dist/a_model_with_a_long_name-0.1.0-py3-none-any.whl",
        "is published",
    ]


def test_in_a_file_a_line_is_one_line() -> None:
    assert printed(force_terminal=False) == f"{TEXT}\n"


def test_each_line_of_a_text_is_broken_by_itself() -> None:
    stream = io.StringIO()
    console = WordConsole(file=stream, width=12, force_terminal=True, color_system=None)
    console.print("one two three\nfour [bold]five[/] six seven")
    assert [line.strip() for line in stream.getvalue().splitlines()] == ["one two", "three", "four five", "six seven"]
    console.print("[a b c d e f g]", markup=False)
    assert stream.getvalue().endswith("[a b c d e f\ng]\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE, errno.EBADF])
def test_a_note_that_cannot_be_written_stops_nothing(number: int) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(number, "no")

    NoteConsole(file=Broken()).print("a note")
    with pytest.raises((OSError, SystemExit)):
        WordConsole(file=Broken()).print("a result")
