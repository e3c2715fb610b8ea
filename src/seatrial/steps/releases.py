"""Releases: what is on the index, and which of it is served on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings
    from seatrial.release import IndexedRelease
    from seatrial.steps.running_servers import RunningServer

SIZE_LIMIT = 64 * 2**20  # bytes; a larger wheel is not fetched only to list its metrics


@dataclass(frozen=True)
class ListedRelease:
    """A release on the index, with its metrics; `headline` names the main one, `served` has the URLs of its servers."""

    name: str
    version: str
    published: str
    size: int
    sha256: str
    engine: str
    headline: str
    value: float | None
    metrics: dict[str, float]
    served: tuple[str, ...]


def list_releases(name: str, index: "IndexSettings") -> list[ListedRelease]:
    """List the releases of a model on an index, oldest first."""
    from seatrial.release import open_index
    from seatrial.steps.running_servers import running_servers

    running = running_servers()
    return [_listed(release, running) for release in open_index(index).releases(name)]


def _listed(release: "IndexedRelease", running: "Sequence[RunningServer]") -> ListedRelease:
    facts = (release.metadata if release.wheel.size <= SIZE_LIMIT else None) or {}
    metrics = facts.get("metrics", {})
    headline = metrics.get(facts.get("headline", ""), {})
    return ListedRelease(
        name=release.name,
        version=release.version,
        published=release.wheel.uploaded,
        size=release.wheel.size,
        sha256=release.sha256,
        engine=facts.get("engine", ""),
        headline=headline.get("label", ""),
        value=headline.get("value"),
        metrics={name: metric["value"] for name, metric in metrics.items()},
        served=tuple(s.url for s in running if (s.release, s.version) == (release.name, release.version)),
    )
