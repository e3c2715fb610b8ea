"""A sandbox: one release in its own environment, asked through a confined worker process.

In: a wheel and queries. Out: plain arrays of answers, or NotComparedError with the last output of the worker.
"""
