"""Projects made for many tables, and taken the whole way by the command line: `python -m benchmarks.tables`."""
