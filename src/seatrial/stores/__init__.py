"""Where tables are that are not files of this machine: object stores, web servers and databases.

In: a URL. Out: a whole file on this machine, and back. Credentials are the store's own business (environment, roles),
and are in no message; nothing here knows what a table means.
"""
