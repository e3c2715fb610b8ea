"""Prove: mutation testing for the project's own trial."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.train.recipe import Recipe
    from seatrial.trial.prove.gate_proof import GateProof
    from seatrial.trial.prove.trainer import Alter, TrainedRelease, Trainer

NAME = "prove"  # of the result's files, in .seatrial/trials/


@dataclass(frozen=True)
class ProofResult:
    """Which faults the trial catches, and the page that shows it."""

    proof: "GateProof"
    page: Path

    def _repr_html_(self) -> str:
        from seatrial.pages.embed import embed

        return embed(self.page.read_text(encoding="utf-8"))


def prove(project: "ProjectSettings", *, quick: bool = False, progress: Progress = silent) -> ProofResult:
    """Inject faults into copies of the built release, and see which of them the trial catches.

    `quick` tries only the faults of serving, for which nothing is trained again. Writes the result, and returns it
    with its page.
    """
    progress("loading")
    from seatrial.compile import reference_scorer
    from seatrial.core.files import require_writable, to_json, write_atomic
    from seatrial.release import built_release, open_index
    from seatrial.steps.recipes import same_table
    from seatrial.steps.trial_setup import policy_and_wheels
    from seatrial.train.recipe import read_recipe
    from seatrial.trial import gate
    from seatrial.trial.prove.gate_proof import prove as prove_gate
    from seatrial.trial.prove.proof_page import to_html

    candidate = built_release(project).wheel
    require_writable(project.root / gate.RESULTS)
    policy, source = policy_and_wheels(project, open_index(project.index), progress)
    progress("reading the recipe")
    table = same_table(project, candidate.release or {})
    trainer = trainer_of(read_recipe(project, data=table, reference=reference_scorer))
    proof = prove_gate(candidate, trainer, policy=policy, index=source, quick=quick, progress=progress)
    page = project.root / gate.RESULTS / f"{NAME}.html"
    write_atomic(page, to_html(proof), like=project.data)
    write_atomic(page.with_suffix(".json"), to_json(proof.to_document()), like=project.data)
    return ProofResult(proof, page)


def trainer_of(recipe: "Recipe") -> "Trainer":
    """Turn a project's recipe into functions that train on another table, with another seed, or by faulty code."""
    import numpy as np

    from seatrial.trial.prove.trainer import Trainer

    if (weights := recipe.weights_of(np.arange(recipe.table.rows))) is not None:
        recipe = recipe.on(replace(recipe.table, weights=weights))  # those that tables with faults get, to the last bit
    own = _trained(recipe)
    fitted = recipe.fit()
    frame = fitted.frame(recipe.table.columns)
    numbers, strings = recipe.inputs.numbers, recipe.inputs.strings

    def train(columns: Any, target: Any) -> "TrainedRelease":
        from seatrial.model.carried_rows import SPLIT_KEY, WEIGHT

        known = {name: values for name, values in columns.items() if name not in (SPLIT_KEY, WEIGHT)}
        classes = () if recipe.table.task == "regression" else tuple(np.unique(target).tolist())
        table = replace(recipe.table, columns=known, target=target, classes=classes, rows_read=len(target))
        return _trained(recipe.on(replace(table, keys=columns.get(SPLIT_KEY), weights=columns.get(WEIGHT))))

    def reseed() -> "TrainedRelease":
        # The same rows are held out: only the model draws differently, as another version of a library might.
        return _trained(replace(recipe, project=replace(recipe.project, seed=recipe.project.seed + 1)))

    def altered(alter: "Alter") -> "TrainedRelease | None":
        changed = False

        def once(pipeline: Any, target: Any) -> Any:
            nonlocal changed
            new_target = alter(pipeline, target)
            changed = new_target is not None
            return target if new_target is None else new_target

        faulty = _trained(replace(recipe, alter=once))
        faulty.training.score(recipe.held_out)  # only a fitted pipeline shows whether there was anything to alter
        return faulty if changed else None

    draws = any(name.endswith("random_state") for name in fitted.pipeline.get_params())
    return Trainer(
        own,
        train,
        reseed if draws else None,
        altered,
        recipe.checker.allowed,
        numbers,
        strings,
        (frame[list(numbers)].to_numpy(dtype=float), frame[list(strings)].to_numpy(dtype=object)),
    )


def _trained(recipe: "Recipe") -> "TrainedRelease":
    from seatrial.steps.recipes import training_of
    from seatrial.train.profile import fingerprint
    from seatrial.trial.prove.trainer import TrainedRelease

    table, split = recipe.table, recipe.split
    profile = fingerprint("", table.columns, recipe.columns, table.target, recipe.project.target, table.task)
    return TrainedRelease(
        training_of(recipe),
        split.record,
        asdict(profile),
    )
