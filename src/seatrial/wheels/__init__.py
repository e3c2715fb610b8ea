"""Wheels: what is in one, whether it is safe to install, what it runs with, and environments that hold one release.

In: wheels as files, and indexes that hold them. Out: checked facts, lockfiles and virtual environments. Never: what a
model predicts, or how it was trained.
"""
