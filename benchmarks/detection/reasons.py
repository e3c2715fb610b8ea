"""Why faults of new rows are missed, by the fault's name: filled in by hand after a run, and shown in the report."""

REASONS: dict[str, str] = {}
