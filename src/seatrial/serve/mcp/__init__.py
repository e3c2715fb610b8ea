"""A release as tools of the Model Context Protocol, for agents: at /mcp, or over standard input and output.

It needs the extra `mcp`, and nothing here is loaded unless it is asked for.
"""
