"""The sea trial: the wheel just built against the release that it would replace; `pytest -m differential`.

One item per check. It needs a built wheel (`seatrial build`), and takes some ten seconds.
"""

import pytest


@pytest.mark.differential
def test_the_candidate_may_replace_the_baseline(trial_check) -> None:
    trial_check.require()
