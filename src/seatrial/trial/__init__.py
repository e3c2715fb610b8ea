"""The sea trial: two releases and rows in, a verdict out. It never trains for release and never publishes.

The candidate's predictions are compared with those of the release that it replaces, each in its own environment.
"""
