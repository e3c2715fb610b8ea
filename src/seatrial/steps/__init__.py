"""The steps of a model's life: a project comes in, the step's result goes out.

Commands, notebooks and the pytest plugin call these. Steps call the stages below them, which know nothing of one
another. A step returns a value or raises SeatrialError; it never prints.
"""
