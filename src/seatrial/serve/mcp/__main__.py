"""`python -m seatrial.serve.mcp PACKAGE`: an installed release as tools, over standard input and output.

Programs such as Claude Desktop start it themselves; its log is on standard error.
"""

import argparse
import asyncio
import sys
from contextlib import redirect_stdout

from mcp.server.stdio import stdio_server

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.serve import logs
from seatrial.serve.mcp.mcp_tools import ModelTools
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service


def main() -> int:
    """Serve until standard input ends; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m seatrial.serve.mcp", description="Offer a release to agents.")
    parser.add_argument("package", help="the package to serve, for example titanic_model")
    settings = Settings(keys_text="", log_level="warning")  # whoever starts it may call it
    logs.configure(settings)
    try:
        with redirect_stdout(logs.Prints()):  # standard output is the protocol's
            service = Service(Release(parser.parse_args().package), settings)
            service.load()
    except (SeatrialError, ImportError) as error:
        message = f"{error.message} {error.hint}" if isinstance(error, SeatrialError) else str(error)
        print(f"error: {message}".rstrip(), file=sys.stderr)  # noqa: T201
        return 1
    asyncio.run(_serve(service))
    return 0


async def _serve(service: Service) -> None:
    server = ModelTools(service).server()
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
    service.stop()


if __name__ == "__main__":
    sys.exit(main())
