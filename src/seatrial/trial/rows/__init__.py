"""The rows of a trial: rows that neither release was trained on, generated rows, and the answers to all of them.

In: two sandboxes and the tables of their recipes. Out: rows with the answers of both. Never: a judgement of them.
"""
