"""Looks for faults in the new rows of a training table by the traces that they leave: traits, marked row by row.

Two tables and the positions of the new rows come in, checks go out. It never sees a model, a wheel or a score.
"""
