"""Export: a trained release in, and out what predicts without Python: one SELECT, or a folder with a web page.

It reads the compiled graph and the source of the feature functions, and never the estimator. What cannot be translated
exactly is refused by name.
"""
