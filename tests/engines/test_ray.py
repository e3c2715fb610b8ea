"""Guards of the Ray engine that need no cluster, and predictions on real clusters of several nodes (`make soak`)."""

import pytest

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.engines.ray import check_context, pool_size


def test_actors_never_take_all_processors():
    assert [pool_size(processors, None) for processors in (2, 2.5, 4, 16)] == [1, 1, 3, 15]
    assert pool_size(4, 3) == 3
    for actors in (0, 4, 5):
        with pytest.raises(UsageError, match=f"{actors} actors do not fit") as refused:
            pool_size(4, actors)
        assert refused.value.hint == "Use 1 to 3 actors."


@pytest.mark.parametrize("processors", [0, 1, 1.5])
def test_a_cluster_without_room_is_an_error_in_words(processors: float):
    with pytest.raises(SeatrialError, match="none is left for reading"):
        pool_size(processors, None)


def test_blocks_that_fail_are_never_left_out():
    check_context(0, {})
    with pytest.raises(SeatrialError, match="max_errored_blocks is 3") as refused:
        check_context(3, {})
    assert "= 0" in refused.value.hint


def test_wheels_are_not_installed_from_a_public_index():
    check_context(0, {"py_modules": ["gcs://_ray_pkg_1.zip"], "working_dir": "job"})
    with pytest.raises(SeatrialError, match=r"py_modules has seatrial-0\.1\.0.*\.whl") as refused:
        check_context(0, {"py_modules": ["seatrial-0.1.0-py3-none-any.whl"]})
    assert "working_dir" in refused.value.hint
