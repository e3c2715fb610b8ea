"""Attacks on a server in a small container, beside honest clients: what it survives, and what they notice."""
