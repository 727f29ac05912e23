"""The application: its commands, and how errors become one line and an exit code."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Annotated

import typer

from iqatlas.cli import (
    audit,
    catalog,
    doctor,
    export,
    generate,
    import_recordings,
    info,
    init,
    plan,
    plot,
    preview,
    rebuild,
    scene,
    schema,
    score,
    trace,
    train,
    validate,
    verify,
    waveform,
)
from iqatlas.cli.commands import Commands
from iqatlas.cli.console import errors, say
from iqatlas.cli.manual_pages import page_of
from iqatlas.errors import IqAtlasError, MissingFileError
from iqatlas.user_paths import current_folder
from iqatlas.version import __version__

INTERRUPTED = 130
_OF_PATHS = {
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EACCES: "see that you may read it and all folders above it",
}
_RESUMABLE = (["catalog", "publish"], ["catalog", "pull"])

app = Commands(
    name="iqatlas",
    help="City-specific, labelled multi-UAV I/Q corpora for spectrum sensing.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("generate")(generate.generate)
app.command("plan")(plan.plan)
app.command("scene")(scene.scene)
app.command("trace")(trace.trace)
app.command("info")(info.info)
app.command("verify")(verify.verify)
app.command("rebuild")(rebuild.rebuild)
app.command("validate")(validate.validate)
app.command("audit")(audit.audit)
app.command("train")(train.train)
app.command("score")(score.score)
app.command("plot")(plot.plot)
app.command("preview")(preview.preview)
app.command("waveform")(waveform.waveform)
app.command("export")(export.export)
app.add_typer(import_recordings.app, name="import")
app.add_typer(catalog.app, name="catalog")
app.command("schema")(schema.schema)
app.command("doctor")(doctor.doctor)


def _version(asked: bool | None) -> bool | None:
    if asked:
        typer.echo(f"iqatlas {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    del version


def run(arguments: Sequence[str]) -> int:
    """Run the command line.

    Args:
        arguments: Everything after the program's name.

    Returns:
        0 done; 1 what was checked does not hold; 2 wrong input; 130 interrupted.
    """
    try:
        code = _called(arguments)
    except IqAtlasError as failure:
        for line in failure.lines():
            say(errors, (f"iqatlas: {line}", "red"))
        # To programs that read it an error is one line; a person may want to know more.
        if errors.is_terminal and (page := page_of(failure)):
            say(errors, (f"         more in {page}", "dim"))
        return failure.exit_code
    except OSError as failure:
        return _refused_path_or_raise(failure)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(arguments)
    except typer.Exit as leaving:
        code = leaving.exit_code
    except Exception as failure:  # noqa: BLE001
        return _usage_or_raise(failure)
    # Some versions of Typer turn Ctrl-C into an exit of their own, in silence.
    return _interrupted(arguments) if code == INTERRUPTED else int(code or 0)


def _called(arguments: Sequence[str]) -> int | None:
    try:
        code: int | None = app(args=list(arguments), prog_name="iqatlas", standalone_mode=False)
    except MissingFileError:
        raise
    except FileNotFoundError:
        # Libraries ask for the current folder too, some as they are imported; where it is gone, that is why.
        current_folder()
        raise
    return code


def _interrupted(arguments: Sequence[str]) -> int:
    resumable = arguments[:1] in (["generate"], ["import"]) or list(arguments[:2]) in _RESUMABLE
    remedy = "; the same command goes on from here" if resumable else ""
    say(errors, (f"iqatlas: interrupted{remedy}", "yellow"))
    return INTERRUPTED


def _refused_path_or_raise(failure: OSError) -> int:
    """Print as one line that the system won't look at a path, as no file of ours has such a one."""
    remedy = _OF_PATHS.get(failure.errno or 0)
    if remedy is None or failure.filename is None:
        raise failure
    say(errors, (f"iqatlas: {failure.filename}: {failure.strerror}; {remedy}", "red"))
    return 2


def _usage_or_raise(failure: Exception) -> int:
    """Print a wrong command line as one line; anything else is a defect and keeps its traceback."""
    message = getattr(failure, "format_message", None)
    if message is None:
        raise failure
    if text := " ".join(str(message()).split()):
        say(errors, (f"iqatlas: {text} (see iqatlas --help)", "red"))
    return 2
