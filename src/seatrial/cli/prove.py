"""`seatrial prove`: mutation testing for the project's own trial."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.train.recipe import Recipe
    from seatrial.trial.prove.code_faults import Alter
    from seatrial.trial.prove.proof import GateProof
    from seatrial.trial.prove.trainer import Trained, Workshop

Progress = Callable[[str], None]
NAME = "prove"  # of the result's files, in .seatrial/trials/


def prove(
    project: ProjectOption = HERE,
    quick: Annotated[bool, typer.Option("--quick", help="Only faults of serving; nothing is trained again.")] = False,
    json: JsonOption = False,
) -> None:
    """Seed faults into copies of the built release and show which of them its trial catches.

    Exit code 0 where it catches every fault that changes anything and blocks nothing harmless, 1 otherwise.

    Example: [bold]seatrial prove[/]
    """
    with show.steps(quiet=json) as step:
        step("loading")
        folder, proof = prove_in_project(project, quick=quick, progress=step)
    if json:
        show.result(proof.to_document())
    else:
        _show(proof, folder)
    raise typer.Exit(proof.exit_code)


def prove_in_project(
    start: "Path", *, quick: bool = False, progress: Progress = lambda _: None
) -> "tuple[Path, GateProof]":
    """Prove the gate of the project that `start` lies in, and write the result; gives its folder too."""
    from seatrial.core.files import to_json, write_whole
    from seatrial.core.project import find_project
    from seatrial.release import built_files, open_index
    from seatrial.steps.environment import offer_toolkit
    from seatrial.steps.recipes import same_table
    from seatrial.train.recipe import read_recipe
    from seatrial.trial import gate
    from seatrial.trial.policy import read_policy
    from seatrial.trial.prove.gate_proof import prove as prove_gate
    from seatrial.trial.prove.proof_page import to_html
    from seatrial.wheels.wheel import inspect

    found = find_project(start)
    policy = read_policy(found.trial, str(found.root / "pyproject.toml"))
    wheel, _ = built_files(found)
    source = offer_toolkit(open_index(found.index), progress)
    progress("reading the recipe")
    table = same_table(found, inspect(wheel).release or {})
    workshop = _workshop(read_recipe(found, data=table))
    proof = prove_gate(wheel, workshop, policy=policy, index=source, quick=quick, progress=progress)
    folder = found.root / gate.RESULTS
    write_whole(folder / f"{NAME}.html", to_html(proof))
    write_whole(folder / f"{NAME}.json", to_json(proof.to_document()))
    return folder, proof


def _workshop(recipe: "Recipe") -> "Workshop":
    from seatrial.trial.prove.trainer import Workshop

    own = _trained(recipe)
    fitted = recipe.fit()
    frame = fitted.frame(recipe.table.columns)
    numbers, strings = recipe.inputs.numbers, recipe.inputs.strings

    def train(columns: Any, target: Any) -> "Trained":
        import numpy as np

        table = recipe.table
        classes = () if table.task == "regression" else tuple(np.unique(target).tolist())
        return _trained(
            recipe.on(replace(table, columns=columns, target=target, classes=classes, rows_read=len(target)))
        )

    def reseed() -> "Trained":
        # The same rows are held out: it is the model that draws otherwise, as a library of another version might.
        return _trained(replace(recipe, project=replace(recipe.project, seed=recipe.project.seed + 1)))

    def altered(alter: "Alter") -> "Trained | None":
        changed = False

        def once(pipeline: Any, target: Any) -> Any:
            nonlocal changed
            given = alter(pipeline, target)
            changed = given is not None
            return target if given is None else given

        spoiled = _trained(replace(recipe, alter=once))
        spoiled.training.score(recipe.held_out)  # what can be altered is known once it is fitted
        return spoiled if changed else None

    drawing = any(name.endswith("random_state") for name in fitted.pipeline.get_params())
    return Workshop(
        own,
        train,
        reseed if drawing else None,
        altered,
        recipe.checker.allowed,
        numbers,
        strings,
        (frame[list(numbers)].to_numpy(dtype=float), frame[list(strings)].to_numpy(dtype=object)),
    )


def _trained(recipe: "Recipe") -> "Trained":
    from seatrial.steps.recipes import training_of
    from seatrial.train.profile import fingerprint
    from seatrial.trial.prove.trainer import Trained
    from seatrial.trial.rows.reference import LabelledRows

    table, split = recipe.table, recipe.split
    found = fingerprint("", table.columns, recipe.columns, table.target, recipe.project.target, table.task)
    return Trained(
        training_of(recipe),
        LabelledRows(recipe.held_out, table.target[split.test]),
        {"cuts": split.cuts, "seed": split.seed},
        asdict(found),
    )


def _show(proof: "GateProof", folder: "Path") -> None:
    from rich.markup import escape

    from seatrial.trial.prove.proof import counted
    from seatrial.trial.prove.proof_page import weak_spots
    from seatrial.trial.report.words import clean

    colour = "red" if proof.exit_code else "green"
    show.out.print(f"\n[bold {colour}]{escape(proof.headline)}.[/]\n")
    rows = [
        (name, str(good), str(bad), str(same))
        if name != "harmless"
        else ("harmless changes", f"{good} passed", f"{bad} blocked", "")
        for name, good, bad, same in counted(proof)
    ]
    show.table("", ("", "caught", "missed", "changes nothing"), rows, right=(1, 2, 3))
    for spot in weak_spots(proof):
        show.out.print(f"\n[red]•[/] {escape(clean(spot.summary))}")
        for told in spot.closing:
            show.out.print(f"  {escape(clean(told))}")
    for name, reason in proof.untried.items():
        show.out.print(f"[dim]Not tried: {escape(name)}. {escape(reason)}[/]")
    show.out.print(f"\nResult: {show.place(folder / f'{NAME}.html')}  [dim]{proof.seconds:.0f} s[/]")
