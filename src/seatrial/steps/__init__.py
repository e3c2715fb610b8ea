"""The steps of a model's life, one file each: a project in, what the step made out.

Commands, notebooks and the pytest plugin call these; they call the stages below, which know nothing of one another.
"""
