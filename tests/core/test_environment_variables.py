"""What a process that runs a release's or a build's code gets of this one's environment."""

from seatrial.core.environment_variables import VARIABLES, allowed_environment

SECRET = (
    "SEATRIAL_TEAM_TOKEN", "SEATRIAL_INDEX_PASSWORD", "GEMFURY_PUSH_TOKEN", "RAILWAY_TOKEN", "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL", "UV_INDEX", "UV_INDEX_TEAM_PASSWORD", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "CI_JOB_TOKEN",
    "DATABASE_URL", "HTTPS_PROXY", "NETRC", "SSH_AUTH_SOCK", "KUBECONFIG", "DOCKER_AUTH_CONFIG", "PATH_TO_SECRET",
    "LC_TOKEN_1", "SEATRIAL_HOME_TOKEN", "PYTHONSTARTUP", "LD_PRELOAD",
)  # fmt: skip


def test_only_what_is_listed_is_passed_on() -> None:
    own = {**dict.fromkeys(SECRET, "secret"), "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    assert set(allowed_environment(variables=own)) == {"PATH", "HOME", "LC_ALL", "OMP_NUM_THREADS"}
    assert "DATABASE_URL" in allowed_environment(["DATABASE_URL"], own)


def test_no_documented_token_or_password_is_harmless() -> None:
    passed = allowed_environment(variables=dict.fromkeys(VARIABLES, "x"))
    assert set(passed) == {"SEATRIAL_HOME", "SEATRIAL_CACHE_GB", "SEATRIAL_DEBUG", "SEATRIAL_DRAIN", "HOST", "PORT"}
