"""Puts the verbs together, reads the configuration file, and turns every outcome into an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from .. import __version__
from ..errors import ConfigurationError, ExitCode, KzlabelError
from ..settings import limits_from, read_config
from . import audit, demo, inspect, keys, label, output, registry, trust, verify, watermark
from .interrupts import catch_interrupts, interrupt_waits
from .options import Settings, option

if TYPE_CHECKING:
    from ..trust import Policy

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
keys.group.command("audit", epilog=audit.EXAMPLE)(audit.audit)
app.add_typer(keys.group, name="keys")
app.add_typer(registry.group, name="registry")
app.add_typer(trust.group, name="trust")
app.add_typer(watermark.group, name="watermark")


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
    context.obj = Settings(limits_from(table, os.environ), _own_policies(table))
    context.default_map = _defaults(context, context.command, table)
    _split_variables_at_line_ends(context)


def _own_policies(table: Mapping[str, Any]) -> Mapping[str, Policy]:
    if "policies" not in table:
        return {}
    from ..trust.own_policies import own_policies

    return own_policies(table["policies"])


def run(arguments: list[str] | None = None) -> ExitCode:
    """Run the command line; `arguments` default to those of the process. Returns the exit code, prints the rest."""
    output.prepare_streams()
    warnings.simplefilter("default" if os.environ.get("KZLABEL_DEBUG") else "ignore")  # libraries talk to developers
    catch_interrupts()
    code = _run(arguments)
    if interrupt_waits() or code is ExitCode.INTERRUPTED:
        output.say("kzlabel: interrupted; nothing was left half done")
        return ExitCode.INTERRUPTED
    return code


def _run(arguments: list[str] | None) -> ExitCode:
    try:
        code = app(args=arguments, prog_name="kzlabel", standalone_mode=False)
    except KzlabelError as error:
        return output.fail(error)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # typer does not export it
            print(error.format_message(), file=sys.stderr, flush=True)
            return ExitCode.USAGE
        output.say(f"kzlabel: {_sentence(error)}")
        return ExitCode.CONFIGURATION if _from_environment(error) else ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except output.StdoutLost as error:
        if str(error):
            output.say(f"kzlabel: standard output: {error}")
        # Point stdout elsewhere, so that Python's own flush at exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OUTPUT
    except Exception as error:
        return output.crash(error)
    return ExitCode(code) if isinstance(code, int) else ExitCode.DONE  # typer turns Ctrl-C into 130


def _from_environment(error: TyperException) -> bool:
    """Whether an impossible value came from a variable KZLABEL_*, not from the command line."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    source = context.get_parameter_source(parameter.name) if context is not None and parameter is not None else None
    return source is not None and source.name == "ENVIRONMENT"


def _sentence(error: TyperException) -> str:
    text = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "kzlabel"
    return f"{text.rstrip('.')}; see {command} --help"


_TABLES = ("limits", "policies")  # read elsewhere: neither verbs nor options


def _defaults(
    context: typer.Context, command: Any, table: Mapping[str, Any], above: Mapping[str, Any] | None = None, at: str = ""
) -> dict[str, Any]:
    """The configuration file as click's default map. Raises ConfigurationError for keys that nobody reads.

    Keys at the top level hold for every verb that has such an option; a table named like a verb holds for it alone,
    one named like a group of verbs, [keys], for the verbs of that group, and [keys.init] for one of them.
    """
    parts = _parts(command)
    known = {_key(parameter) for verb in _verbs(command) for parameter in _options(verb)}
    holding = dict(above or {})
    for key, value in table.items():
        if (key in parts and isinstance(value, Mapping)) or (key in _TABLES and not at):
            continue
        if _plain(key) not in known:
            raise ConfigurationError(f"the configuration file has an unknown key {key!r}{f' in [{at}]' if at else ''}")
        holding[_plain(key)] = value
    if hasattr(command, "commands"):
        return {
            name: _defaults(context, part, _table(table, name), holding, f"{at}.{name}" if at else name)
            for name, part in parts.items()
        }
    options = {_key(parameter): parameter for parameter in _options(command)}
    return {
        options[key].name: _checked(context, key, value, options[key])
        for key, value in holding.items()
        if key in options
    }


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = table.get(name)
    return value if isinstance(value, Mapping) else {}


def _parts(command: Any) -> Mapping[str, Any]:
    """The verbs and groups of a group, by name; empty for a verb."""
    parts: Mapping[str, Any] = getattr(command, "commands", {})
    return parts


def _verbs(command: Any) -> Iterator[Any]:
    """Every verb below a command, itself if it is one."""
    if not hasattr(command, "commands"):
        yield command
    for part in _parts(command).values():
        yield from _verbs(part)


def _options(command: Any) -> Iterator[Any]:
    return (parameter for parameter in command.params if parameter.param_type_name == "option")


def _key(parameter: Any) -> str:
    """An option's key in the file: its long name, --text-place as text-place."""
    return next(str(name) for name in parameter.opts if name.startswith("--"))[2:]


def _plain(key: str) -> str:
    return key.replace("_", "-")


def _split_variables_at_line_ends(context: typer.Context) -> None:
    """Variables of repeatable options hold one value a line: a name may have spaces, at which typer would split it.

    Those of paths keep to the system's path separator.
    """
    for verb in _verbs(context.command):
        for parameter in _options(verb):
            if parameter.multiple:
                parameter.split_envvar_value = str.splitlines


def _checked(context: typer.Context, key: str, value: Any, parameter: Any) -> Any:
    """A value as the option would take it from the command line. Raises ConfigurationError."""
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str | int | float) for item in items):
        raise ConfigurationError(f"the configuration file's {key!r} is wrong: give text, a number, true or false")
    if isinstance(value, bool) != bool(parameter.is_flag):
        what = "true or false" if parameter.is_flag else "text or a number"
        raise ConfigurationError(f"the configuration file's {key!r} is wrong: give {what}")
    given: Any = value
    if parameter.multiple:
        given = [str(item) for item in items]
    elif not isinstance(value, bool):
        given = ",".join(str(item) for item in items)
    try:
        parameter.process_value(context, given)
    except Exception as error:
        words = getattr(error, "message", None) or str(error)
        raise ConfigurationError(f"the configuration file's {key!r} is wrong: {words.rstrip('.')}") from None
    return given
