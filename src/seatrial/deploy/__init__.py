"""Deployment: a release of the index into an environment where it serves, and back again.

In: a release, its passed trial, and the settings under [tool.seatrial.deploy]. Out: a pinned, hashed requirements
file and a history in the project's `deploy/<target>/`, and a service that runs exactly that. Never: judging a release.
"""
