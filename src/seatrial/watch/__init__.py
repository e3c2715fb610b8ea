"""Watch: a release's prediction log in, and out what changed since it was trained, since when, and how sure that is.

It reads the log and the release's own records. It changes neither, deploys nothing, and sends nothing anywhere.
"""
