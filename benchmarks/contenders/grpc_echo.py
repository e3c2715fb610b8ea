"""grpcio's own limit: grpc.aio answers each message with the same bytes. `python grpc_echo.py PORT ANSWER`."""

import sys
from pathlib import Path
from typing import Any

import grpc
import uvloop


async def main() -> None:
    """Serve until it is ended."""
    answer = Path(sys.argv[2]).read_bytes()

    async def call(_: bytes, __: Any) -> bytes:
        return answer

    server = grpc.aio.server()
    methods = {"ModelInfer": grpc.unary_unary_rpc_method_handler(call)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("inference.GRPCInferenceService", methods),))
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    await server.start()
    await server.wait_for_termination()


uvloop.run(main())
