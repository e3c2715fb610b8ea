"""How often `seatrial new` misses a leak, and how often it says one where there is none."""
