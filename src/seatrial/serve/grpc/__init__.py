"""The Open Inference Protocol over gRPC, on a port of its own: the same rows, keys and limits as over HTTP.

It needs the extra `grpc`, and nothing here is loaded unless the server is given a port for it.
"""
