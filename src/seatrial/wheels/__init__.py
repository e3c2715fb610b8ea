"""Wheels: their contents, their safety, what they run with, and environments that hold exactly one release.

In: wheels as files, and indexes that have them. Out: verified facts, lockfiles and virtual environments. Never: how a
model predicts or was trained.
"""
