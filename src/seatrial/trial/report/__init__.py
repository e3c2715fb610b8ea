"""A verdict told: the page with its pictures, Markdown, JUnit, rows for a terminal, and the JSON document.

In: a Verdict. Out: text. Never: deciding anything.
"""
