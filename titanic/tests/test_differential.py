"""The sea trial compares the newest wheel with the release that it would replace; run `pytest -m differential`.

There is one test per check. It needs a built wheel (`seatrial build`) and takes about ten seconds.
"""

import pytest


@pytest.mark.differential
def test_candidate_may_replace_the_baseline(trial_check) -> None:
    trial_check.require()
