"""Gets onnxruntime-web, which runs graphs in browsers: by npm, at one version, whose bytes are known."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

from seatrial.core.errors import SeatrialError

PACKAGE, VERSION = "onnxruntime-web", "1.27.0"
INTEGRITY = "sha512-ogDLsqIozHZwifPuN37OproAo0byX6t43/bP8GzeZWBWD6MOGExswFAx3up4NS/vvWBOg2u2PXomDt3rMmdQSg=="
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
OFFLINE = f"Without npm or a network: unpack {PACKAGE} {VERSION}, and name its folder `dist` with --onnxruntime-web."
SECONDS = 600


def fetch_onnxruntime_web(folder: Path) -> Path:
    """Download the package into a folder, check its bytes, and unpack FILES; returns where they are.

    Nothing of the package is run. Raises SeatrialError without npm or a network, or for other bytes.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise SeatrialError(f"{PACKAGE} is fetched by npm, which is not installed.", hint=OFFLINE)
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
        problem = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1] if done.returncode else ""
    except subprocess.TimeoutExpired:
        problem = f"it took longer than {SECONDS} seconds"
    archive = folder / f"{PACKAGE}-{VERSION}.tgz"
    if problem or not archive.is_file():
        raise SeatrialError(f"npm could not fetch {PACKAGE} {VERSION}: {problem or 'it wrote no file'}", hint=OFFLINE)
    return unpack(archive, folder)


def unpack(archive: Path, folder: Path) -> Path:
    """Check an archive of the package, and take FILES out of it. Raises SeatrialError for other bytes."""
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != INTEGRITY:
        raise SeatrialError(
            f"{archive.name} does not have the bytes that {PACKAGE} {VERSION} is known to have.",
            hint="Nothing was unpacked. Find out what npm fetched it from.",
        )
    found = folder / "dist"
    found.mkdir()
    with tarfile.open(archive) as members:
        for name in FILES:
            content = members.extractfile(f"package/dist/{name}")
            assert content is not None  # the bytes are known
            (found / name).write_bytes(content.read())
    return found
