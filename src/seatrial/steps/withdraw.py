"""Taking a version off the index: yanked, so that installers skip it, or removed."""

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from seatrial.core.errors import UsageError

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings
    from seatrial.wheels.simple_api import WithdrawalAction


def withdraw(release: str, index: "IndexSettings", action: "WithdrawalAction", *, reason: str, who: str) -> bool:
    """Yank, restore or remove one version, `NAME==VERSION`; False where that is done already."""
    from seatrial.release import open_index
    from seatrial.release.index_withdrawals import check_words

    try:
        wanted = Requirement(release)
        (specifier,) = wanted.specifier
        version = str(Version(specifier.version))
        exact = specifier.operator in ("==", "===") and not (wanted.url or wanted.extras or wanted.marker)
    except (InvalidRequirement, InvalidVersion, ValueError):
        exact = False
    if not exact:
        raise UsageError(f"{release!r} is not one version of a release.", hint="Example: titanic-model==0.1.0.")
    check_words(reason=reason, who=who)
    return open_index(index).withdraw(canonicalize_name(wanted.name), version, action, reason=reason, who=who)
