"""The rows of a trial: which both sides have not seen, which are made to find skew, and how all are asked at once.

In: two sides and the recipes. Out: rows with the answers of both. Never: judging them.
"""
