"""`python -m tests.deploy.containers`: build the image and run it, as CI does; needs root, buildah, podman and runc."""

import sys
from pathlib import Path

import pytest

sys.exit(pytest.main(["-n", "0", "-rs", "-v", str(Path(__file__).parent)]))
