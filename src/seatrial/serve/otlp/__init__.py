"""OpenTelemetry: a span for each request, and metrics and log lines where they are asked for.

It is off until its own environment variables ask for it, and needs the extra `otel`. In: finished exchanges, in
batches. Out: what OpenTelemetry's SDK sends, from threads of its own. While requests are answered, nothing of it runs.
"""
