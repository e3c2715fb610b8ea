"""How many injected faults the trial catches, how many harmless releases it blocks, and how older checks compare."""
