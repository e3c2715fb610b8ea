"""Reads a table from a file, a database or a data set, types its columns, and writes the project's data file."""
