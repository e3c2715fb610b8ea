"""How well `seatrial watch` finds what changed in production, on streams that are made from real tables."""
