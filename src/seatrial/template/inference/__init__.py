"""Decides from a table which columns to use and as what, the target and the task, and the model; each with a reason."""
