"""Prove: mutation testing for the project's own trial."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.trial.prove.gate_proof import GateProof

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
    from seatrial.core.files import to_json, write_atomic
    from seatrial.release import built_release, open_index
    from seatrial.steps.recipes import same_table
    from seatrial.steps.trainer import trainer_of
    from seatrial.steps.trial_setup import policy_and_wheels
    from seatrial.train.recipe import read_recipe
    from seatrial.trial import gate
    from seatrial.trial.prove.gate_proof import prove as prove_gate
    from seatrial.trial.prove.proof_page import to_html

    candidate = built_release(project).wheel
    policy, source = policy_and_wheels(project, open_index(project.index), progress)
    progress("reading the recipe")
    table = same_table(project, candidate.release or {})
    trainer = trainer_of(read_recipe(project, data=table))
    proof = prove_gate(candidate, trainer, policy=policy, index=source, quick=quick, progress=progress)
    page = project.root / gate.RESULTS / f"{NAME}.html"
    write_atomic(page, to_html(proof))
    write_atomic(page.with_suffix(".json"), to_json(proof.to_document()))
    return ProofResult(proof, page)
