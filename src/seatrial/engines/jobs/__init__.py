"""The job files that `seatrial job` copies for a project, whose owner then changes them; nothing imports them."""
