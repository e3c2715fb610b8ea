"""`seatrial releases`: what the index holds, and what is served."""

from typing import Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, release_and_index

LOOKED_INTO = 64 * 2**20  # bytes; a larger wheel is not fetched only to list its metrics


def releases(
    name: Annotated[str | None, typer.Argument(help="Only this model; default: the project's own.")] = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the releases on the index: date, size, metrics, and which one is served.

    Example: [bold]seatrial releases --json[/]
    """
    from seatrial.release import open_index
    from seatrial.steps.running_servers import served

    wanted, where = release_and_index(name, index, project)
    running = served()
    listed = [_described(r, running) for r in open_index(where).releases(wanted)]
    if json:
        show.result(listed)
        return
    if not listed:
        show.say(f"No release of {wanted} on {show.index(where)} yet.")
        return
    headline = next((r["headline"] for r in reversed(listed) if r["headline"]), "")
    show.table(
        "",
        ("release", "published", "size", headline, "engine", "served"),
        [
            (
                f"{r['name']} {r['version']}",
                r["published"][:16].replace("T", " "),
                show.size(r["size"]),
                "" if r["value"] is None else f"{r['value']:.3f}",
                r["engine"],
                ", ".join(r["served"]),
            )
            for r in listed
        ],
        right=(2, 3),
    )


def _described(release: Any, running: list[dict[str, Any]]) -> dict[str, Any]:
    facts = (release.metadata if release.size <= LOOKED_INTO else None) or {}
    metrics = facts.get("metrics", {})
    headline = facts.get("headline", "")
    return {
        "name": release.name,
        "version": release.version,
        "published": release.uploaded,
        "size": release.size,
        "sha256": release.sha256,
        "engine": facts.get("engine", ""),
        "headline": metrics.get(headline, {}).get("label", ""),
        "value": metrics.get(headline, {}).get("value"),
        "metrics": {k: v["value"] for k, v in metrics.items()},
        "served": [s["url"] for s in running if s["release"] == release.name and s["version"] == release.version],
    }
