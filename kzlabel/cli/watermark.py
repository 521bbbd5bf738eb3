"""kzlabel watermark: the invisible identifier alone, without a manifest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ..declaration import Source
from ..errors import ExitCode, UsageError
from ..files import scratch, spool
from ..limits import Limits
from ..watermark.strength import Strength
from . import output as terminal
from .options import Settings, option
from .watermark_keys import key_file

group = typer.Typer(
    name="watermark",
    help="Put an invisible identifier into pictures, sound and films, find it, and measure what it withstands.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Key = Annotated[
    Path | None,
    option("--watermark-key", help="File with a secret of 16 to 1024 bytes; default: the key that all can read."),
]
Ffmpeg = Annotated[str | None, option("--ffmpeg", help="The ffmpeg program; default: the one that came with kzlabel.")]
AsJson = Annotated[bool, option("--json", help="One JSON value on stdout.")]


@group.command("embed", epilog="Example: kzlabel watermark embed picture.png -o marked.png")
def embed(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="INPUT", help="The work to mark; - reads it from a pipe.")],
    output: Annotated[str, option("--output", "-o", help="The marked copy; - writes it to a pipe.")],
    identifier: Annotated[
        str | None, option("--identifier", help="12 hexadecimal digits; default: a new one.", metavar="HEX")
    ] = None,
    source_type: Annotated[
        Source, option("--source", help="What the mark says: made by a generative system, or altered by one.")
    ] = Source.GENERATED,
    strength: Annotated[
        Strength, option("--watermark-strength", help="What it withstands against what could be noticed.")
    ] = Strength.NORMAL,
    watermark_key: Key = None,
    keep_sound: Annotated[
        bool, option("--keep-sound", help="Copy a film's sound bit for bit, without a watermark of its own.")
    ] = False,
    overwrite: Annotated[bool, option("--overwrite", help="Replace an output that exists.")] = False,
    ffmpeg: Ffmpeg = None,
    as_json: AsJson = False,
) -> int:
    """Mark a work, and nothing else: no disclosure, no metadata, no manifest.

    The label that the law wants takes more: see kzlabel label. Exit code 11 if the work takes no watermark.
    """
    from ..watermark_alone import mark

    settings: Settings = context.obj
    piped = output == "-"
    if piped and as_json:
        raise UsageError("-o - takes stdout for the marked file; leave --json out")
    if piped and sys.stdout.isatty():
        raise UsageError("-o - does not write to a terminal; redirect it to a file or a pipe")
    rows: list[dict[str, Any]] = []
    codes: list[ExitCode] = []
    key = key_file(watermark_key)
    with terminal.outcome(source, rows, codes), _there(source, settings.limits) as work, scratch() as room:
        target = room / "output" if piped else Path(output)
        with terminal.progress(work) as progress:
            made = mark(
                work,
                target,
                identifier=identifier,
                declared=source_type,
                key=key,
                strength=strength,
                keep_sound=keep_sound,
                overwrite=overwrite,
                ffmpeg=ffmpeg,
                limits=settings.limits,
                progress=progress,
            )
        codes.append(ExitCode.DONE)
        record = made.record
        rows.append({"file": source, "output": output, **record.to_json(), "notes": list(made.notes)})
        if piped:
            terminal.stream(target)
        elif not as_json:
            terminal.line(f"{source}: identifier {record.identifier} in the {' and '.join(record.carriers)}: {output}")
        for note in made.notes:
            terminal.say(f"{source}: {note}")
    if as_json:
        terminal.data(rows[0])
    return ExitCode.gravest(codes)


@group.command("detect", epilog="Example: kzlabel watermark detect picture.jpg")
def detect(
    context: typer.Context,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Works to search; - reads one from a pipe.")],
    watermark_key: Annotated[
        list[Path] | None,
        option("--watermark-key", help="File with a secret watermark key, beside the open one; may be repeated."),
    ] = None,
    ffmpeg: Ffmpeg = None,
    as_json: AsJson = False,
) -> int:
    """Find the watermarks in works. Exit code 1 where there is none, which says nothing about how they were made."""
    from ..watermark.keys import WatermarkKey
    from ..watermark_alone import marks_in

    settings: Settings = context.obj
    if inputs.count("-") > 1:
        raise UsageError("-: the pipe can be read only once")
    keys = (WatermarkKey(), *(key_file(path) for path in watermark_key or ()))
    rows: list[dict[str, Any]] = []
    codes: list[ExitCode] = []
    for source in inputs:
        with terminal.outcome(source, rows, codes), _there(source, settings.limits) as work:
            layers = marks_in(work, keys, ffmpeg, settings.limits)
            codes.append(ExitCode.DONE if layers else ExitCode.NOT_ACCEPTABLE)
            rows.append({"file": source, "marks": [layer.to_json() for layer in layers]})
            if not as_json:
                for layer in layers:
                    where = " and ".join(dict.fromkeys(one["carrier"] for one in layer.detail["carriers"]))
                    terminal.line(
                        f"{source}: {layer.payload}, {layer.ai}, {layer.detail['certainty']} in the {where}; "
                        f"false once in {1 / layer.detail['false_positive']:.1e} works"
                    )
                if not layers:
                    terminal.line(f"{source}: no watermark was found")
    if as_json:
        terminal.data(rows[0] if len(rows) == 1 else rows)
    return ExitCode.gravest(codes)


@group.command("bench", epilog="Example: kzlabel watermark bench image photos/*.png")
def bench(
    context: typer.Context,
    medium: Annotated[str, typer.Argument(metavar="MEDIUM", help="image, audio or video.")],
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Unmarked works of this medium.")],
    attacks: Annotated[
        str | None,
        option("--attacks", help="Only those whose names contain one of these texts, with commas.", metavar="LIST"),
    ] = None,
    strength: Annotated[
        Strength, option("--watermark-strength", help="What it withstands against what could be noticed.")
    ] = Strength.NORMAL,
    watermark_key: Key = None,
    music: Annotated[
        Path | None, option("--music", help="A recording to mix into others; default: the last of the works.")
    ] = None,
    ffmpeg: Ffmpeg = None,
    as_json: AsJson = False,
) -> int:
    """Mark works, do to them what platforms and people do, and count the marks that can still be read.

    Shares stand with their 95 % intervals. Takes a minute a picture, two a recording and five a film, about.
    """
    from ..media import Medium
    from ..watermark_bench import bench as measure

    settings: Settings = context.obj
    if medium not in (Medium.IMAGE, Medium.AUDIO, Medium.VIDEO):
        raise UsageError(f"{medium!r} is no medium that carries a watermark; say image, audio or video")
    rows = measure(
        Medium(medium),
        inputs,
        attacks=tuple(text.strip() for text in (attacks or "").split(",") if text.strip()),
        key=key_file(watermark_key),
        strength=strength,
        music=music,
        ffmpeg=ffmpeg,
        limits=settings.limits,
        report=terminal.say,
    )
    tried = [row for row in rows if row.n]
    if as_json:
        terminal.data([row.to_json() for row in tried])
    else:
        for row in tried:
            terminal.line(str(row))
    return ExitCode.DONE


@contextmanager
def _there(given: str, limits: Limits) -> Iterator[Path]:
    """An input as a file: what comes from a pipe is put into one, gone afterwards."""
    if given != "-":
        yield Path(given)
        return
    with scratch() as room:
        yield spool(terminal.pipe(), room, limit=limits.max_spool_bytes)
