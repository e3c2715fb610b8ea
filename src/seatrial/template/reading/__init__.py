"""Reads a table from a file, a database or a data set, and writes the project's data file.

The first table's columns are typed by their values (`columns`), those of later exports by the rules that this gave
(`rules`, `conversion`).
"""
