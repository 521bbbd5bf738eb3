"""Puts the verbs together, reads the configuration file, and turns every outcome into an exit code."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from .. import __version__
from ..errors import ConfigurationError, ExitCode, KzlabelError
from ..settings import limits_from, read_config
from . import demo, inspect, label, output, verify
from .options import Settings, option

app = typer.Typer(
    name="kzlabel",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the plain help says the same, and spares the import of rich, twice as long as all else
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: kzlabel label picture.jpg && kzlabel verify picture.labelled.jpg",
)
app.command("label", epilog=label.EXAMPLE)(label.label)
app.command("verify", epilog=verify.EXAMPLE)(verify.verify)
app.command("inspect", epilog=inspect.EXAMPLE)(inspect.inspect)
app.command("demo", epilog=demo.EXAMPLE)(demo.demo)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"kzlabel {__version__}")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    config: Annotated[
        Path | None,
        option("--config", help="Configuration file, in place of config.toml in your configuration folder."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Label AI-generated images, films, recordings and texts, and verify such labels."""
    table = read_config(config)
    context.default_map = _defaults(context, table)
    context.obj = Settings(limits=limits_from(table, os.environ))


def run(arguments: list[str] | None = None) -> ExitCode:
    """Run the command line; `arguments` default to those of the process. Returns the exit code, prints the rest."""
    output.prepare_streams()
    warnings.simplefilter("default" if os.environ.get("KZLABEL_DEBUG") else "ignore")  # libraries talk to developers
    _end_tidily_on_signals()
    try:
        code = app(args=arguments, prog_name="kzlabel", standalone_mode=False)
    except KzlabelError as error:
        return output.fail(error)
    except TyperException as error:
        output.say(f"kzlabel: {_sentence(error)}")
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except output.StdoutLost as error:
        if str(error):
            output.say(f"kzlabel: standard output: {error}")
        # Point stdout elsewhere, so that Python's own flush at exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OUTPUT
    except Exception as error:
        return output.crash(error)
    if code == ExitCode.INTERRUPTED:  # typer turns Ctrl-C into this
        return _interrupted()
    return ExitCode(code) if isinstance(code, int) else ExitCode.DONE


def _interrupted() -> ExitCode:
    output.say("kzlabel: interrupted; nothing was left half done")
    return ExitCode.INTERRUPTED


def _end_tidily_on_signals() -> None:
    """SIGTERM, and the loss of the terminal, end like Ctrl-C does, so that unfinished files are removed."""

    def interrupt(number: int, frame: Any) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one must not cut the tidying short
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup asks to be left alone
            signal.signal(number, interrupt)


def _sentence(error: TyperException) -> str:
    text = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "kzlabel"
    return f"{text.rstrip('.')}; see {command} --help"


def _defaults(context: typer.Context, table: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration file as click's default map. Raises ConfigurationError for keys that nobody reads.

    Keys at the top level hold for every verb that has such an option; a table named like a verb holds for it alone.
    """
    commands = getattr(context.command, "commands", {})
    known = {
        verb: {parameter.name: parameter for parameter in command.params if parameter.param_type_name == "option"}
        for verb, command in commands.items()
    }
    for key, value in table.items():
        name = key.replace("-", "_")
        if key == "limits" or (key in known and isinstance(value, Mapping)):
            continue
        if not any(name in parameters for parameters in known.values()):
            raise ConfigurationError(f"the configuration file has an unknown key {key!r}")
    defaults: dict[str, Any] = {}
    for verb, parameters in known.items():
        own = table.get(verb, {})
        for key in own:
            if key.replace("-", "_") not in parameters:
                raise ConfigurationError(f"the configuration file has an unknown key {key!r} in [{verb}]")
        merged = {**table, **own}
        defaults[verb] = {
            name: _checked(context, key, value, parameters[name])
            for key, value in merged.items()
            if (name := key.replace("-", "_")) in parameters
        }
    return defaults


def _checked(context: typer.Context, key: str, value: Any, parameter: Any) -> Any:
    if isinstance(value, list) and not parameter.multiple:
        value = ",".join(str(item) for item in value)
    text = (
        [str(item) for item in value] if isinstance(value, list) else value if isinstance(value, bool) else str(value)
    )
    try:
        parameter.type_cast_value(context, text)
    except Exception as error:
        raise ConfigurationError(f"the configuration file's {key!r} is wrong: {error}") from None
    return text
