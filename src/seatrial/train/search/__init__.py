"""Searches hyper-parameters: a recipe in, a study out, with a page and changed code; sees the training rows only."""
