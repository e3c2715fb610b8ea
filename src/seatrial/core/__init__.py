"""What every stage stands on: errors, files written whole, a project's settings, environments.

Imports the standard library and small packages only, and nothing else of ours.
"""
