"""How many seeded faults the trial catches, how many harmless releases it blocks, and how older checks do beside it."""
