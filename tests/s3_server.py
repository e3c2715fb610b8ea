"""A real S3 server (moto's) in a process of its own on the loopback interface, with one bucket."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

BUCKET = "logs"


@dataclass(frozen=True)
class Store:
    """A running server. `url` has its key and secret, and has to be followed by nothing."""

    port: int
    process: "subprocess.Popen[bytes]"

    def url(self, prefix: str = "shop", port: int = 0) -> str:
        """The URL of a prefix in the bucket; the port is that of a proxy, if there is one."""
        place = f"127.0.0.1%3A{port or self.port}"
        return f"s3://user:secret-word@{BUCKET}/{prefix}?scheme=http&region=us-east-1&endpoint_override={place}"

    def files(self) -> Any:
        from pyarrow import fs

        return fs.S3FileSystem(
            access_key="user",
            secret_key="secret-word",
            region="us-east-1",
            scheme="http",
            endpoint_override=f"127.0.0.1:{self.port}",
            allow_bucket_creation=True,
        )

    def names(self, prefix: str = "shop") -> list[str]:
        """The keys of all objects below a prefix."""
        from pyarrow import fs

        found = self.files().get_file_info(fs.FileSelector(f"{BUCKET}/{prefix}", recursive=True, allow_not_found=True))
        return sorted(info.path.removeprefix(f"{BUCKET}/") for info in found if info.is_file)


@contextmanager
def running_store() -> Iterator[Store]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = "from moto.server import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    store = Store(port, process)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.05)
        store.files().create_dir(BUCKET)
        yield store
    finally:
        process.kill()
        process.wait()
