"""Generates the code of a project: schema.py, features.py and pipeline.py."""
