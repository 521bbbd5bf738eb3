"""Measures what the watermark withstands: works of one medium are marked, attacked and read, and the marks counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from .errors import InputError, RequirementNotMet, UnreadableFile, UnsupportedFormat, UsageError
from .files import check_input
from .limits import DEFAULT_LIMITS, Limits
from .media import HEADER_BYTES, Medium, Programs, detect, formats
from .media.audio.marking import decoded
from .media.audio.recording import Recording
from .media.films.formats import Film
from .media.images.raster import Raster
from .media.programs.ffmpeg import find, opened, version
from .media.programs.probe import probe
from .watermark.keys import WatermarkKey
from .watermark.strength import Strength
from .watermark.trials.counting import Row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .media import Format
    from .watermark.trials.audio import Work

_VOICE = ("disclosure", "data", "notices", "en-generated.opus")  # spoken, and in every installation
_EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr", "CMYK")  # modes that become RGB as they look


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Attack = TypeVar("_Attack", bound=_Named)
_Read = TypeVar("_Read")


def bench(
    medium: Medium,
    works: Sequence[Path],
    *,
    attacks: Sequence[str] = (),
    key: WatermarkKey | None = None,
    strength: Strength = Strength.NORMAL,
    music: Path | None = None,
    ffmpeg: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    report: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """One row for each attack, then one for each group of them: how many works still told their payload.

    works: unmarked files of this medium; of films and recordings the first 10 or 20 seconds are taken. attacks: only
    those whose names contain one of these texts. music: a recording that one attack mixes in, by default the last of
    the works. report: told one line for each work. Raises UsageError, InputError, MissingProgram, and
    RequirementNotMet where none of the works takes a mark.
    """
    for path in (*works, *((music,) if music else ())):
        check_input(path)
    rows = _rows(medium, works, attacks, key, strength, music, ffmpeg, limits, report)
    if not any(row.n for row in rows):
        raise RequirementNotMet("nothing was counted: none of these works takes a mark and is made for these attacks")
    return rows


def _rows(
    medium: Medium,
    works: Sequence[Path],
    attacks: Sequence[str],
    key: WatermarkKey | None,
    strength: Strength,
    music: Path | None,
    ffmpeg: str | None,
    limits: Limits,
    report: Callable[[str], None],
) -> list[Row]:
    if medium is Medium.IMAGE:
        from .watermark.trials import image
        from .watermark.trials.image_attacks import ATTACKS

        pictures = _readable(works, lambda path: (path.name, _picture(path, limits)), report)
        chosen = _chosen(ATTACKS, attacks)
        return image.run(pictures, key=key, strength=strength, attacks=chosen, report=report)
    if medium is Medium.AUDIO:
        from .watermark.trials import audio

        program = find(ffmpeg)
        version(program)
        some = _chosen(audio.attacks(), attacks)
        scene = audio.Scene(
            Path(program),
            _voice(limits, program),
            _recording(music or works[-1], limits, program, audio.SECONDS["hard"]),
        )
        recordings = _readable(works, lambda path: _recording(path, limits, program, audio.SECONDS["hard"]), report)
        return audio.run(recordings, scene=scene, key=key, strength=strength, attacks=some, report=report)
    if medium is Medium.VIDEO:
        from .watermark.trials import video

        program = find(ffmpeg)
        version(program)
        few = _chosen(video.ATTACKS, attacks)
        films = _readable(works, lambda path: (path.name, _film(path, ffmpeg)), report)
        return video.run(films, key=key, strength=strength, attacks=few, ffmpeg=Path(program), report=report)
    raise UsageError(f"works of {medium} carry no watermark; say image, audio or video")


def _readable(works: Sequence[Path], read: Callable[[Path], _Read], report: Callable[[str], None]) -> Iterator[_Read]:
    """Each work, when its turn comes; one of several that cannot be read is reported, and ends nothing."""
    for path in works:
        try:
            yield read(path)
        except InputError as error:
            if len(works) == 1:
                raise
            report(str(error))


def _chosen(known: Sequence[_Attack], texts: Sequence[str]) -> list[_Attack]:
    chosen = [one for one in known if not texts or any(text.casefold() in one.name.casefold() for text in texts)]
    if not chosen:
        raise UsageError(f"no attack is called so; there are {', '.join(one.name for one in known)}")
    return chosen


def _format(path: Path, ffmpeg: str | None) -> Format | None:
    with path.open("rb") as file:
        return detect(file.read(HEADER_BYTES), path.name, formats(Programs(ffmpeg=ffmpeg)))


def _picture(path: Path, limits: Limits) -> NDArray[np.uint8]:
    """(height, width, 3) as stored; what is seen through it is black."""
    import numpy as np

    found = _format(path, None)
    if not isinstance(found, Raster):
        raise UnsupportedFormat(f"{path.name}: this is no picture that can be marked")
    found.probe(path, limits)
    with found.opened(path) as picture:
        if picture.mode not in _EIGHT_BITS:
            raise UnsupportedFormat(f"{path.name}: the bench takes pictures of 8 bits per channel; convert it")
        return np.asarray(picture.convert("RGB"))


def _film(path: Path, ffmpeg: str | None) -> Path:
    if not isinstance(_format(path, ffmpeg), Film):
        raise UnsupportedFormat(f"{path.name}: this is no film that can be marked")
    return path


def _recording(path: Path, limits: Limits, program: str, seconds: float) -> Work:
    """The first seconds of its first track of sound."""
    found = _format(path, program)
    if not isinstance(found, Recording):
        raise UnsupportedFormat(f"{path.name}: this is no recording that can be marked")
    return _samples(path, path.name, found.demuxer or "wav", limits, program, seconds)


def _voice(limits: Limits, program: str) -> Work:
    with as_file(files("kzlabel").joinpath(*_VOICE)) as path:
        return _samples(path, "voice", "ogg", limits, program, 30.0)


def _samples(path: Path, name: str, demuxer: str, limits: Limits, program: str, seconds: float) -> Work:
    import numpy as np

    from .watermark.trials.audio import Work

    streams = probe(path, demuxer=demuxer, limits=limits, program=program).of_kind("audio")
    if not streams:
        raise UnreadableFile(f"{path.name}: it holds no sound")
    stream = streams[0]
    sound = opened(path, demuxer, limits, t=seconds)[str(stream.index)]
    with decoded(sound, stream, name=path.name, limits=limits, program=program) as blocks:
        parts = list(blocks)
    if not parts:
        raise UnreadableFile(f"{path.name}: it holds no sound")
    return Work(name, np.concatenate(parts), stream.sample_rate)
