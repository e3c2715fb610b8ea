"""Arrays in, checks out: compares the scores of two releases for the same queries; never installs, never trains.

Each comparison takes plain arrays or records and a policy, and returns checks.
"""
