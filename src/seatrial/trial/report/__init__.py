"""Renders a verdict: the page with its charts, Markdown, JUnit, rows for a terminal, and the JSON document.

In: a Verdict. Out: text. Never: a decision.
"""
