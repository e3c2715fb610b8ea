"""What /metrics reports: numbers of all worker processes of a server, as Prometheus reads them.

In: finished exchanges, in batches. Out: text for a scrape. While requests are answered there are only integers in
dictionaries; prometheus-client is loaded at the first scrape. Labels are words of ours or of the release, never a
caller's.
"""
