"""A side: one release in an environment of its own, asked through a worker process that is held in.

In: a wheel and questions. Out: plain arrays of answers, or NotComparedError with the worker's last words.
"""
