"""Projects for many tables, each taken through its whole life by the command line: `python -m benchmarks.tables`."""
