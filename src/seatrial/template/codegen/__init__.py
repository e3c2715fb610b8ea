"""The code of a project, written as a person would: schema.py, features.py, pipeline.py."""
