"""`seatrial serve`: a release over HTTP, from an environment of its own; and `seatrial demo`: from a table to there."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, ProjectOption, option, project_if_any, release_and_index
from seatrial.core.project import ProjectSettings
from seatrial.steps.project import Project

if TYPE_CHECKING:
    from seatrial.steps.serve import Servable

OpenOption = Annotated[
    bool, typer.Option("--open", help="Let other machines call the server without a key.", envvar="SEATRIAL_OPEN")
]


def serve(
    release: Annotated[
        str | None, typer.Argument(help="The release, for example titanic-model==0.1.0; default: the project's newest.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.", envvar="HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", envvar="PORT", min=0, max=65535)] = 8001,
    workers: Annotated[int, typer.Option(help="Server processes.", min=1)] = 1,
    log_format: Annotated[
        Literal["auto", "text", "json"], typer.Option(help="Auto is text on a terminal, JSON when piped.")
    ] = "auto",
    checkout: Annotated[
        bool, typer.Option("--checkout", help="Serve the project as it was last trained, not a release.")
    ] = False,
    keys: Annotated[
        Path | None,
        option("The file of access keys; default: the project's, if `seatrial keys add` has made one.", "--keys"),
    ] = None,
    open_: OpenOption = False,
    cors_origins: Annotated[
        str,
        option(
            "Origins of web pages that may call the server, separated by commas; * for all.",
            "--cors-origins",
            envvar="SEATRIAL_CORS_ORIGINS",
        ),
    ] = "",
    root_path: Annotated[
        str, option("The path below which a proxy serves this server.", "--root-path", envvar="SEATRIAL_ROOT_PATH")
    ] = "",
    trusted_proxies: Annotated[
        str,
        option(
            "Addresses and networks of proxies whose X-Forwarded headers count, separated by commas.",
            "--trusted-proxies",
            envvar="SEATRIAL_TRUSTED_PROXIES",
        ),
    ] = "",
    prediction_log: Annotated[
        str,
        option(
            "Log each prediction to this folder, s3://, gs:// or postgresql://; default: as [tool.seatrial.log] says.",
            "--prediction-log",
            envvar="SEATRIAL_LOG",
        ),
    ] = "",
    tls_certificate: Annotated[
        Path | None,
        option(
            "A TLS certificate (PEM), to serve https; renewed files are read without a restart.",
            "--tls-certificate",
            envvar="SEATRIAL_TLS_CERTIFICATE",
        ),
    ] = None,
    tls_key: Annotated[
        Path | None, option("The private key of the certificate (PEM).", "--tls-key", envvar="SEATRIAL_TLS_KEY")
    ] = None,
    grpc_port: Annotated[
        int | None,
        option(
            "Serve the Open Inference Protocol over gRPC on this port, too.",
            "--grpc-port",
            envvar="SEATRIAL_GRPC_PORT",
            min=0,
            max=65535,
        ),
    ] = None,
    mcp: Annotated[
        bool, option("Answer the Model Context Protocol at /mcp, too.", "--mcp", envvar="SEATRIAL_MCP")
    ] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Serve a release from the index, in a clean environment: a page to try it, /docs, and a JSON API.

    Example: [bold]seatrial serve titanic-model==0.1.0 --port 8001[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.serve import prepare_checkout, prepare_release, project_keys, served_log, wait_for
    from seatrial.steps.serve import serve as run_server

    if bool(tls_certificate) != bool(tls_key):
        raise typer.BadParameter("--tls-certificate and --tls-key must be used together")
    if checkout and release:
        raise typer.BadParameter("name a release, or use --checkout")
    if checkout:
        servable = prepare_checkout(find_project(project))
    else:
        name, settings = release_and_index(release, index, project)
        with show.progress() as progress:
            extras = [*["grpc"] * (grpc_port is not None), *["mcp"] * mcp]
            servable = prepare_release(name, settings, progress, project_if_any(project), extras)
    given = {
        "--keys": str(keys.absolute() if keys else project_keys(project_if_any(project), open_) or ""),
        "--cors-origins": cors_origins,
        "--root-path": root_path,
        "--trusted-proxies": trusted_proxies,
        "--tls-certificate": str(tls_certificate.absolute() if tls_certificate else ""),
        "--tls-key": str(tls_key.absolute() if tls_key else ""),
    }
    options = ("--workers", str(workers), "--log-format", log_format, *["--open"] * open_, *["--mcp"] * mcp)
    options += () if grpc_port is None else ("--grpc-port", str(grpc_port))
    options += tuple(part for name, value in given.items() if value for part in (name, value))
    log = served_log(project_if_any(project), prediction_log)
    with run_server(servable, host=host, port=port, options=options, log=log) as server:
        raise typer.Exit(wait_for(server))


def demo(
    host: Annotated[str, typer.Option(help="The address to listen on.", envvar="HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", envvar="PORT", min=1, max=65535)] = 8001,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the first prediction instead of serving on.")
    ] = False,
    open_: OpenOption = False,
    project: ProjectOption = HERE,
) -> None:
    """Train, compile, build, publish to the local index, install into a clean environment, serve, and predict once.

    Example: [bold]seatrial demo --port 8080[/]
    """
    from seatrial.core.ports import check_port
    from seatrial.prediction_log.project_log import log_settings
    from seatrial.steps.serve import predict_example, wait_for, wait_until_ready
    from seatrial.steps.serve import serve as run_server

    started = time.perf_counter()
    used = Project(project)
    settings = used.settings
    check_port(host, port, hint="Choose another with PORT=8002.")
    show.info(f"From a table to a served release: {settings.requirement}")
    report = _train(used)
    _release(used)
    servable = _install(settings)
    _heading("Serve it", "seatrial serve")
    options = ("--log-level", "warning", *["--open"] * open_)
    log = log_settings(settings, by_default=True)
    with run_server(servable, host=host, port=port, options=options, log=log) as server:
        with show.progress() as progress:
            progress("starting the server")
            url = wait_until_ready(server, host, port)
            row, response = predict_example(url)
        sent = f"\n[dim]POST {url}/api/v1/predict[/]\n{escape(json.dumps(row))}\n[dim]answered[/]"
        show.out.print(f"{sent}\n{escape(json.dumps(response))}", soft_wrap=True)
        show.out.print(
            f"\nServed {time.perf_counter() - started:.0f} s after the start.\n"
            f"  the page      [bold blue]{url}/[/]\n  the API       [bold blue]{url}/docs[/]\n"
            f"  the report    {show.short_path(report)}\n  the index     {show.index_location(settings.index)}"
            + (f"\n  the log       {show.short_path(Path(log.to)) if log.local else 'seatrial log'}" if log.to else "")
        )
        if not once:
            show.out.print("\nCtrl-C stops it.")
            raise typer.Exit(wait_for(server))


def _train(project: Project) -> Path:
    from seatrial.pages.words import short

    _heading("Train and compile", "seatrial train")
    run = project.train()
    best = run.metadata.metrics[run.metadata.headline]
    show.info(f"  {best['label']} {short(best['value'])} on {run.metadata.split['test_rows']:,} held-out rows")
    return run.report


def _release(project: Project) -> None:
    from seatrial.release import open_index, publish_toolkit

    _heading("Build a wheel", "seatrial build")
    built = project.build()
    show.info(f"  {built.wheel.filename}, {show.file_size(built.wheel.size)}")
    settings = project.settings
    index = open_index(settings.index)
    _heading("Compare it with the release that it would replace", "seatrial trial")
    if any(release.sha256 == built.wheel.sha256 for release in index.releases(settings.name)):
        show.info("  exactly these bytes are already on the index")
    else:
        show.info(f"  {project.trial().cause}")
    _heading("Publish it to the local index", "seatrial publish")
    with show.progress() as progress:
        progress("putting the toolkit there, as it would be on PyPI")
        publish_toolkit(index, progress)
    project.publish(allow_dirty=True)


def _install(settings: ProjectSettings) -> "Servable":
    from seatrial.steps.serve import prepare_release

    _heading("Install it from there into a clean environment", "part of seatrial serve")
    with show.progress() as progress:
        servable = prepare_release(settings.requirement, settings.index, progress, settings)
    show.info(f"  {servable.python.parent.parent.name}{', which existed already' if servable.cached else ''}")
    return servable


def _heading(what: str, command: str) -> None:
    show.err.print(f"\n[bold]{what}[/]  [dim]{command}[/]")
