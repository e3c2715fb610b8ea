"""Trains: a project's table in, a run out: artifacts for the wheel, metrics, and a report; never builds or publishes.

scikit-learn and pandas belong here and are imported on use.
"""
