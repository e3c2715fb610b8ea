"""What Seatrial is measured against, each a small program."""
