"""`python -m tests.deploy.containers`: build the image and run it, as CI does; options are pytest's. Needs root, buildah, podman and runc."""

import sys
from pathlib import Path

import pytest

sys.exit(pytest.main(["-n", "0", "-rs", "-v", *sys.argv[1:], str(Path(__file__).parent)]))
