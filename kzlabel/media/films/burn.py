"""Writes a film anew: badge and watermark into its picture, marked sound for its own, everything else copied."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...errors import UnreadableFile, UnsupportedFormat
from ...files import scratch
from ...fingerprint.film import MOST_FRAMES
from ...limits import Limits
from ..programs.ffmpeg import arguments, builder, location, opened, run
from ..programs.packets import Census
from ..programs.report import Probe, Stream, disposition_option
from .boxes import Boxes
from .encoders import encoder
from .keeping import kept
from .patterns import LEAD, Pattern, blended, is_deep, sampling
from .soundtracks import Soundtrack
from .stamp import Stamp
from .watching import as_seen

KEPT_RATE = Fraction(1)  # frames a second that a fingerprint is made of
KEPT_SECONDS = MOST_FRAMES  # of a longer film the rest is not put aside: an hour takes 0.7 GB of disk
# Packets that may wait for the slowest stream before the first is written: films whose sound starts late need many.
MUXING_QUEUE = 4096


@dataclass(frozen=True)
class Job:
    """One film to be written.

    demuxer, muxer: ffmpeg's names. boxes: of MP4 and MOV. keys: whether its metadata are QuickTime keys.
    tags: for ffmpeg to write, in place of those of the same name.
    """

    source: Path
    target: Path
    demuxer: str
    muxer: str
    probed: Probe
    boxes: Boxes | None
    limits: Limits
    program: str | None
    keys: bool = False
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Layers:
    """What is laid over each frame of one film: under the badge, so that its letters stay crisp, the mark."""

    stamp: Stamp | None = None
    pattern: Pattern | None = None


def burn(
    job: Job,
    census: Census,
    layers: Mapping[int, Layers],
    sounds: Mapping[int, Soundtrack],
    progress: Callable[[float], None] | None,
    watched: Mapping[int, Path] | None = None,
) -> tuple[dict[int, array[int]], tuple[str, ...]]:
    """Write `job.target` with layers on each frame of some films and some tracks of sound replaced, the rest copied.

    layers, sounds: by stream index. watched: where the frames of films with layers go besides, one a second, as
    `as_seen` has them. Returns the times of the frames that were shown, by stream index, in ticks of the
    stream's time base, and what ffmpeg complained about. Raises UnreadableFile for a damaged film, UnsupportedFormat
    for a stream that the container cannot take, LimitExceeded, MissingProgram, OutputError.
    """
    _try_copying(job)
    with scratch() as folder:
        film = opened(job.source, job.demuxer, job.limits, noautorotate=None)
        nodes: list[Any] = []
        beside: list[Any] = []
        chosen: dict[str, Any] = {}
        for place, stream in enumerate(_mapped(job)):
            node = film[str(stream.index)]
            if stream.index in sounds:
                node = _replaced(sounds[stream.index], job)
            elif stream.index in layers:
                node = _layered(node, stream, layers[stream.index], folder)
                if watched and (path := watched.get(stream.index)):
                    node, seen = (node.filter_multi_output("split")[branch] for branch in (0, 1))
                    seen = as_seen(seen, stream, KEPT_RATE)
                    beside.append(builder().output(seen, location(path), f="rawvideo", t=KEPT_SECONDS))
                encoding = encoder(stream, census.tracks[stream.index]) | {
                    "fps_mode": "passthrough",
                    "enc_time_base": "demux",
                    "stats_enc_pre": location(_frames(folder, stream)),
                    "stats_enc_pre_fmt": "{pts} {tb}",
                }
                chosen |= {f"{key}:{place}": value for key, value in encoding.items()}
            nodes.append(node)
        finished = run(
            _written(job, nodes, chosen, folder, beside),
            name=job.source.name,
            limits=job.limits,
            program=job.program,
            duration=job.probed.duration,
            progress=progress,
        )
        streams = {stream.index: stream for stream in job.probed.streams}
        shown = {index: _shown(_frames(folder, streams[index]), streams[index]) for index in layers}
    complaints = (*census.complaints, *finished.log)
    for index, times in shown.items():
        if not times or (len(times) < census.tracks[index].packets and complaints):
            raise UnreadableFile(
                f"{job.source.name}: the film is damaged, {len(times)} of {census.tracks[index].packets} frames can be "
                "decoded; repair it first"
            )
    return shown, complaints


def remux(job: Job) -> None:
    """Write `job.target` with every stream copied and `job.tags` set. Raises as `burn` does."""
    with scratch() as folder:
        film = opened(job.source, job.demuxer, job.limits)
        nodes = [film[str(stream.index)] for stream in _mapped(job)]
        told = _written(job, nodes, {}, folder)
        run(told, name=job.source.name, limits=job.limits, program=job.program, duration=job.probed.duration)


def _written(job: Job, nodes: list[Any], chosen: dict[str, Any], folder: Path, beside: Sequence[Any] = ()) -> list[str]:
    """The arguments that write the nodes to the target, with the options chosen for them.

    beside: further outputs of the same graph.
    """

    def together(options: dict[str, Any]) -> Any:
        return builder().merge_outputs(*beside, builder().output(*nodes, location(job.target), **options))

    told = arguments(together({}))
    inputs = [told[place + 1] for place, part in enumerate(told) if part == "-i"]
    options = _common_options(job, inputs.index(location(job.source))) | chosen
    return arguments(together(options), *_tags(job), *_attached(job, folder))


def _mapped(job: Job) -> list[Stream]:
    """The streams that are mapped, in the order of the output; attached pictures of Matroska come after them."""
    return [stream for stream in kept(job.probed) if not _is_attachment(stream, job)]


def _is_attachment(stream: Stream, job: Job) -> bool:
    # ffmpeg reads an attached picture as a film of one frame, and would write it as such.
    return stream.is_picture and job.demuxer == "matroska"


def _attached(job: Job, folder: Path) -> list[str]:
    """Options that attach Matroska's pictures anew; each is taken out into `folder` first."""
    options: list[str] = []
    pictures = [stream for stream in kept(job.probed) if _is_attachment(stream, job)]
    for place, stream in enumerate(pictures, start=len(_mapped(job))):
        path = folder / f"picture-{stream.index}"
        film = opened(job.source, job.demuxer, job.limits)
        picture = builder().output(film[str(stream.index)], location(path), c="copy", format="data")
        run(picture, name=job.source.name, limits=job.limits, program=job.program)
        options += ["-attach", location(path)]
        for name in ("mimetype", "filename", "title"):
            if value := stream.tagged(name):
                options += [f"-metadata:s:{place}", f"{name}={value}"]
    return options


def _tags(job: Job) -> list[str]:
    """Options that set the film's tags."""
    tags = list(job.tags)
    if job.keys:  # ffmpeg takes the file's type for metadata, and would write it as such
        tags += [(name, "") for name in ("major_brand", "minor_version", "compatible_brands")]
    return [part for name, value in tags for part in ("-metadata", f"{name}={value}")]


def _common_options(job: Job, film: int = 0) -> dict[str, Any]:
    """film: its number among the inputs."""
    options: dict[str, Any] = {
        "format": job.muxer,
        "c": "copy",
        "copy_unknown": None,
        "map_metadata": str(film),
        "map_chapters": str(film),
        "fflags": "+bitexact",
        "max_muxing_queue_size": MUXING_QUEUE,
    }
    for place, stream in enumerate(_mapped(job)):
        # Told for each, since a stream out of a filter graph inherits nothing, and telling one untells the others.
        options[f"map_metadata:s:{place}"] = f"{film}:s:{stream.index}"
        options[f"disposition:{place}"] = disposition_option(stream)
    if job.boxes:
        options |= _box_options(job, job.boxes)
    return options


def _box_options(job: Job, boxes: Boxes) -> dict[str, Any]:
    flags = "+use_metadata_tags" if job.keys else ""
    if boxes.fragmented:
        flags += "+frag_keyframe+delay_moov+default_base_moof"
    elif boxes.index_first:
        flags += "+faststart"
    options: dict[str, Any] = {"movflags": flags} if flags else {}
    bases = {stream.time_base for stream in job.probed.films}
    if len(bases) == 1 and (base := bases.pop()).numerator == 1:
        options["video_track_timescale"] = base.denominator
    return options


def _replaced(sound: Soundtrack, job: Job) -> Any:
    """A marked track, dated as the one in whose place it stands."""
    dated = {"itsoffset": f"{float(sound.start):.6f}"} if sound.start else {}
    return opened(sound.path, job.demuxer, job.limits, **dated)["0"]


def _layered(film: Any, stream: Stream, layers: Layers, folder: Path) -> Any:
    """The filter graph of one film."""
    if layers.pattern:
        film = blended(film, stream, layers.pattern, folder)
    return _stamped(film, stream, layers.stamp, folder) if layers.stamp else film


def _stamped(film: Any, stream: Stream, stamp: Stamp, folder: Path) -> Any:
    """The pixel format is told: left to itself, overlay makes 4:4:4 of any badge."""
    path = folder / f"badge-{stream.index}.png"
    stamp.picture.save(path, compress_level=1)
    badge = (
        builder()
        .input(location(path), format="png_pipe", protocol_whitelist="file,pipe")
        .filter("setpts", f"PTS-{LEAD}/TB")
        .filter("scale", out_color_matrix=_matrix(stream), out_range="pc" if stream.range == "pc" else "tv")
        .filter("format", f"yuva{sampling(stream)}p{'10le' if is_deep(stream) else ''}")
    )
    return builder().filter(
        [film, badge],
        "overlay",
        x=stamp.x,
        y=stamp.y,
        format=f"yuv{sampling(stream)}{'p10' if is_deep(stream) else ''}",
        eof_action="repeat",
    )


def _matrix(stream: Stream) -> str:
    if stream.space.startswith("bt2020"):
        return "bt2020"
    return "bt601" if stream.space in ("smpte170m", "bt470bg", "fcc") else "bt709"


def _try_copying(job: Job) -> None:
    """Find out in an instant whether the container takes every stream that is to be copied, not after an hour."""
    copied = [stream for stream in kept(job.probed) if stream not in job.probed.films]
    if all(stream.kind in ("audio", "video") for stream in copied):
        return
    with scratch() as folder:
        film = opened(job.source, job.demuxer, job.limits)
        options = _common_options(job) | {"t": 0}
        nodes = [film[str(stream.index)] for stream in _mapped(job)]
        outputs = builder().output(*nodes, location(folder / "trial"), **options)
        try:
            run(outputs, name=job.source.name, limits=job.limits, program=job.program)
        except UnreadableFile as error:
            words = str(error).rpartition(": ")[2]
            raise UnsupportedFormat(
                f"{job.source.name}: one of its streams cannot be carried over into the output ({words}); "
                "take it out first, or convert the film to MKV"
            ) from None


def _frames(folder: Path, stream: Stream) -> Path:
    return folder / f"frames-{stream.index}.txt"


def _shown(path: Path, stream: Stream) -> array[int]:
    times = array("q")
    try:
        with path.open(encoding="ascii") as lines:
            for line in lines:
                time, base = line.split()
                times.append(round(int(time) * Fraction(base) / stream.time_base))
    except FileNotFoundError:
        pass  # not one frame reached the encoder
    return times
