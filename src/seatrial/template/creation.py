"""Makes a project of an examined table: the template, the code, and the data, in one folder."""

from dataclasses import dataclass
from pathlib import Path

from seatrial.core.files import sha256, write_atomic
from seatrial.template.codegen.identifiers import short
from seatrial.template.codegen.pipeline import Model
from seatrial.template.codegen.source_text import write_code
from seatrial.template.facts import Facts, LeftOut, in_a_cell, schema_facts, sentence, this_year
from seatrial.template.project_name import ProjectName
from seatrial.template.reading.table import write_data
from seatrial.template.records import Examination
from seatrial.template.render import render

FEW, ENOUGH = 40, 120  # rows: a quarter of 40 is the fewest that a trial takes, a quarter of 120 what it asks for
FEWEST_HELD_OUT = 10


@dataclass(frozen=True)
class Options:
    """What a person chooses beside the table."""

    names: ProjectName
    model: Model = "boosting"
    description: str = ""
    licence: str = "none"
    holder: str = ""
    ci: str = "none"
    deploy: tuple[str, ...] = ("local",)
    table: str = ""  # where it lies in the project, if it is not to be in data/


def make_project(folder: Path, examination: Examination, options: Options) -> None:
    """Write the whole project into an empty folder, but for the files of CI services and deployment targets."""
    names = options.names
    about = sentence(options.description or f"Predicts {examination.target.name}")
    code = write_code(examination, name=names.folder, model=options.model)
    data = write_data(examination, folder / "data", _file_name(names.folder))
    render(_facts(examination, options, about, code["schema.py"], data.path, data.changes).answers(), folder)
    for name, text in code.items():
        write_atomic(folder / "src" / names.package / name, text)


def _facts(
    examination: Examination, options: Options, about: str, schema: str, data: Path, changes: tuple[str, ...]
) -> Facts:
    target, source = examination.target, examination.source
    read = schema_facts(schema)
    return Facts(
        name=options.names.name,
        package=options.names.package,
        description=about,
        data=data.name,
        table=options.table,
        target=target.name,
        task=target.task,
        licence=options.licence,
        holder=options.holder,
        year=this_year() if options.licence != "none" else "",
        data_from=in_a_cell(source.path.name if source.path else source.name),
        data_sha256=sha256(data),
        data_notes=tuple(in_a_cell(change) for change in changes),
        rows=f"{examination.rows:,}",
        test_share="0.5" if examination.rows < FEW else "",
        min_rows=FEWEST_HELD_OUT if examination.rows < ENOUGH else 0,
        left_out=tuple(LeftOut(c.name, in_a_cell(_why(c.name, c.left_out, examination))) for c in examination.unused),
        positive=target.positive,
        classes=tuple(in_a_cell(label) for label in target.ordered),
        columns=read.columns,
        more_columns=read.more_columns,
        example=read.example,
        ci=options.ci,
        deploy=options.deploy,
    )


def _why(name: str, left_out: str, examination: Examination) -> str:
    found = [d for d in examination.of(name) if d.about == "leave out" and d.what == "left out"]
    evidence = f" ({found[0].evidence})" if found and found[0].evidence else ""
    return short(f"{left_out}{evidence}", 200)


def _file_name(folder: str) -> str:
    return folder.lower().replace("-", "_")
