"""Runs as `python -m seatrial.cli`, where the script is not on the path."""

from seatrial.cli import main

main()
