"""The sea trial: two releases and rows in, a verdict out; never trains for keeps, never publishes.

The candidate's predictions are compared with those of the release it replaces, each in an environment of its own.
"""
