"""`seatrial cache`: the environments on this machine, what they take, and how to remove them."""

import time
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import JsonOption

cache = typer.Typer(
    help="The environments on this machine: one for each release that was tried, served or deployed."
    "\n\nExample: [bold]seatrial cache list[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cache.command("list")
def list_environments(json: JsonOption = False) -> None:
    """List the environments, the last used first: size, day of the last use, and whether a process runs from there.

    Example: [bold]seatrial cache list[/]
    """
    from seatrial.wheels.environments import cached_environments, environments_folder, size_limit

    found = cached_environments()
    if json:
        rows = [{"path": each.root, "size": each.size, "last_used": each.last_used} for each in found]
        show.print_json({"environments": rows, "limit": size_limit()})
        return
    show.table(
        "",
        ("environment", "size", "last used", ""),
        [
            (
                each.root.name,
                show.file_size(each.size),
                time.strftime("%Y-%m-%d", time.localtime(each.last_used)) if each.last_used else "unfinished",
                "in use" if each.in_use else "",
            )
            for each in found
        ],
        right=(1,),
    )
    total, limit = sum(each.size for each in found), size_limit()
    show.info(f"{show.file_size(total)} of {show.file_size(limit)} in {show.short_path(environments_folder())}")


@cache.command()
def prune(
    everything: Annotated[bool, typer.Option("--all", help="Remove all that are not in use.")] = False,
) -> None:
    """Remove environments that are unused for 30 days or beyond the size limit; they are made again when needed.

    The limit is 2 GB, or SEATRIAL_CACHE_GB. The same happens whenever an environment is made.

    Example: [bold]seatrial cache prune --all[/]
    """
    from seatrial.wheels.environments import prune

    removed = prune(limit=0, recent=0) if everything else prune()
    freed = show.file_size(sum(each.size for each in removed))
    show.plain(f"{len(removed)} environments removed, {freed} freed.")
