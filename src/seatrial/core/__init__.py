"""What every stage builds on: errors, atomic writes, a project's settings and version, git.

Imports the standard library and small packages only, and no other package of Seatrial.
"""
