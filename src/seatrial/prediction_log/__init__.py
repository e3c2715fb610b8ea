"""The prediction log: what a server was asked and what it answered, in files that anything that reads Parquet can read.

A server writes each answer to its spool before it sends it, a segment for each process (spool.py). One other process
turns segments into Parquet and delivers them to a folder, a bucket or PostgreSQL.
"""
