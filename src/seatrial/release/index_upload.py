"""Uploads in twine's form: several are received at a time, and one is inspected, in a process of its own."""

import asyncio
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import canonicalize_name
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.wheels.simple_api import parse_filename

UPLOADS = ".uploads"
LIMIT = 1 << 30  # bytes of one upload
SECONDS = 900.0  # for one upload
RECEIVED, WAITING = 4, 32  # uploads that are received at a time, and that wait for their turn
VETTING_SECONDS = 120.0  # for a worker, which may wait for another publication
KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "TZ", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONHOME")  # the password is not


class Uploads:
    """What is being uploaded to the index in `folder`."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._limit = limit
        self._home = folder / UPLOADS
        shutil.rmtree(self._home, ignore_errors=True)  # left by a server that was killed
        self._receiving = asyncio.Semaphore(RECEIVED)
        self._worker = _Worker(folder)
        self._waiting = 0

    async def take(self, request: Request) -> Response:
        """Accept one file: 200, also for the same bytes again; 409 for different content; else 4xx."""
        if request.headers.get("origin"):
            raise HTTPException(403, "Uploads from web pages are not allowed.")
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limit:
            raise self._too_large()
        try:
            async with self._turn(), asyncio.timeout(SECONDS):
                body = Request(request.scope, self._bounded(request.receive))
                async with body.form(max_files=1, max_fields=500, max_part_size=2 * 2**20) as form:
                    return await self._store({k: v for k, v in form.items() if isinstance(v, str)}, form)
        except MultiPartException as error:
            raise HTTPException(400, f"The form cannot be read: {error.message}") from None
        except TimeoutError:
            raise HTTPException(408, "The upload took too long.") from None
        except ClientDisconnect:
            return Response(status_code=400)
        except OSError as error:
            raise HTTPException(507, f"The upload cannot be stored: {error.strerror}.") from None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise HTTPException(503, "Too many uploads are waiting. Try again.", {"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._receiving:
                yield
        finally:
            self._waiting -= 1

    def _bounded(self, receive: Receive) -> Receive:
        """Limit a body whose length is not declared."""
        seen = 0

        async def counted() -> Any:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"An upload is at most {self._limit >> 20} MiB.", {"Connection": "close"})

    async def _store(self, fields: dict[str, str], form: Any) -> Response:
        upload = form.get("content") or form.get("package")
        if fields.get(":action", "file_upload") != "file_upload" or not isinstance(upload, UploadFile):
            raise HTTPException(400, "Not an upload: a file `content` and :action=file_upload are required.")
        filename = upload.filename or ""
        try:
            name, version = parse_filename(filename)
        except SeatrialError:
            raise HTTPException(400, "The file name is not that of a wheel or an sdist.") from None
        declared = fields.get("name", name), fields.get("version", str(version))
        if (canonicalize_name(declared[0]), declared[1]) != (name, str(version)):
            raise HTTPException(400, f"{filename} is not a file of {declared[0][:100]} {declared[1][:100]}.")
        self._home.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._home) as folder:
            path = Path(folder) / filename
            digest = await run_in_threadpool(_copy, upload.file, path)
            if fields.get("sha256_digest", "").lower() not in ("", digest):
                raise HTTPException(400, "The file does not have the SHA-256 that was sent with it.")
            status, text = await self._worker.add(path)
        if status != 200:
            raise HTTPException(status, text)
        return PlainTextResponse(f"{text}\n")


def _copy(source: Any, path: Path) -> str:
    with path.open("wb") as stored:
        shutil.copyfileobj(source, stored)
    return sha256(path)


class _Worker:
    """The process that inspects and publishes files, one at a time; it is started when it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = asyncio.Semaphore(1)
        self._process: asyncio.subprocess.Process | None = None

    async def add(self, path: Path) -> tuple[int, str]:
        """Inspect and publish a file; returns the status and the text of the response."""
        async with self._turn:
            try:
                async with asyncio.timeout(VETTING_SECONDS):
                    answer = await self._ask(str(path))
                if not answer:  # the worker itself has ended, maybe before this file
                    raise ConnectionError
                result = json.loads(answer)
                return result["status"], result["text"]
            except (TimeoutError, ValueError):  # the process for this file was killed, or does not answer
                await self.stop()
                return 400, f"{path.name} is refused: its inspection takes too much time or memory."
            except OSError:
                await self.stop()
                return 503, "The inspection was interrupted. Try again."
            except BaseException:
                await self.stop()  # its answer would be taken for that to the next file
                raise

    async def _ask(self, path: str) -> bytes:
        process = self._process
        if process is None or process.returncode is not None:
            environment = {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ}
            command = [sys.executable, "-m", "seatrial.release.index_worker", str(self._folder)]
            self._process = process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True
            )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n".encode())
        await process.stdin.drain()
        return await process.stdout.readline()

    async def stop(self) -> None:
        """End the worker with what it has started."""
        process, self._process = self._process, None
        if process and process.returncode is None:
            with suppress(ProcessLookupError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
        if process:
            await process.communicate()
