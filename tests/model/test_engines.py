"""The engine's own settings; what it computes is tested with the compiler."""

import os
import subprocess
import sys


def test_onnxruntimes_telemetry_is_disabled():
    code = (
        "import os; from seatrial.core.errors import SeatrialError; from seatrial.model.engines import GraphEngine\n"
        "try: GraphEngine(b'')\n"
        "except SeatrialError: print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    clean = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
