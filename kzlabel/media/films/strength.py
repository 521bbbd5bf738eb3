"""Finds out how strong a mark one film bears, by encoding some of its frames as the whole film will be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UnreadableFile
from ...files import scratch
from ...watermark.detection import Unmarkable
from ..base import WatermarkPlan
from ..programs.ffmpeg import builder, location, opened, run
from ..programs.packets import Track
from ..programs.probe import Stream
from .boxes import Matrix
from .burn import Job
from .encoders import encoder
from .patterns import Pattern, blended, drawn

# Where in the film the frames are taken: past its titles, before its end.
PLACE = 1 / 3
# Films whose shorter side has so many pixels are judged by an upright band, a quarter of their width. It stands aside,
# since the middle is richer than the rest and bears more, and is as high as the film, since sky and ground differ.
WHOLE = 400
BAND, ASIDE = 1 / 4, 5 / 8
GRID = 16  # pixels to which the band is cut, so that no encoder has to fill it up


@dataclass(frozen=True)
class Part:
    """Of the stored frames, in samples."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def of(cls, stream: Stream, matrix: Matrix) -> Part:
        """The part to be judged. matrix: a film that is shown lying has its band lying in the stored frames."""
        width, height = stream.width, stream.height
        if min(width, height) < WHOLE:
            return cls(0, 0, width, height)
        if matrix[0] == 0:
            return cls(0, _cut(height * ASIDE), _cut(width), _cut(height * BAND))
        return cls(_cut(width * ASIDE), 0, _cut(width * BAND), _cut(height))


def _cut(length: float) -> int:
    return int(length) // GRID * GRID


def strongest(job: Job, stream: Stream, track: Track, matrix: Matrix, plan: WatermarkPlan) -> Pattern:
    """The pattern for one film, as strong as it bears. Raises Unmarkable, LimitExceeded, MissingProgram."""
    from ...watermark.video import Dose, choose_strength

    if not track.packets:
        raise Unmarkable("it has no frames")
    drawn(stream, matrix, plan, Dose(1.0))  # too small a film is said so before anything is encoded
    with scratch() as folder:
        trial = _Trial(job, stream, track, matrix, plan, folder)
        dose = choose_strength(
            trial.sizes,
            frames=track.packets,
            rate=trial.rate,
            key_distance=trial.encoding["g"],
            pixels=stream.width * stream.height,
            strength=plan.strength,
        )
    return drawn(stream, matrix, plan, dose)


class _Trial:
    """Encodes a part of some frames, marked or not. They are decoded once, to `folder`."""

    def __init__(
        self, job: Job, stream: Stream, track: Track, matrix: Matrix, plan: WatermarkPlan, folder: Path
    ) -> None:
        from ...watermark.video import trial_frames

        seconds = max(track.last - track.first, 1e-3)
        self.encoding = encoder(stream, track)
        self.rate = track.packets / seconds
        self._job, self._stream, self._matrix, self._plan, self._folder = job, stream, matrix, plan, folder
        self._part = Part.of(stream, matrix)
        self._frames = trial_frames(track.packets)
        self._start = max(0.0, min(seconds * PLACE, seconds - self._frames / self.rate))
        self._clip: Path | None = None

    def sizes(self, level: float | None) -> list[int]:
        """The bytes of each frame, were it encoded whole; None: unmarked."""
        from ...watermark.video import CHANGE, Dose

        stream, part = self._stream, self._part
        film: Any = opened(self._cut(), "matroska", self._job.limits, noautorotate=None)["v:0"]
        if level is not None:
            whole = drawn(stream, self._matrix, self._plan, Dose(level))
            inner = whole.luma[part.y : part.y + part.height, part.x : part.x + part.width]
            pattern = Pattern(inner, whole.dose)
            film = blended(film, stream, pattern, self._folder, first_change=CHANGE * self._frames / self.rate)
        told = bytearray()
        outputs = builder().output(film, "pipe:1", f="framecrc", fps_mode="passthrough", **self.encoding)
        self._run(outputs, told)
        # stream, decoding time, presentation time, duration, size, checksum
        sizes = re.findall(rb"^0,(?:[^,]*,){3} *(\d+),", told, re.MULTILINE)
        share = part.width * part.height / (stream.width * stream.height)
        return [round(int(size) / share) for size in sizes]

    def _cut(self) -> Path:
        """The frames, without loss, their times beginning with 0."""
        if self._clip:
            return self._clip
        job, part, clip = self._job, self._part, self._folder / "clip.mkv"
        for start in dict.fromkeys((self._start, 0.0)):  # from the beginning, where there is no way to get farther
            there = {"ss": f"{start:.3f}"} if start else {}
            film = opened(job.source, job.demuxer, job.limits, noautorotate=None, **there)[str(self._stream.index)]
            film = film.filter("crop", part.width, part.height, part.x, part.y).filter("setpts", "PTS-STARTPTS")
            options = {
                "c": "ffvhuff",
                "pix_fmt": self._stream.pix_fmt.replace("yuvj", "yuv"),
                "fps_mode": "passthrough",
            }
            outputs = builder().output(
                film, location(clip), f="matroska", enc_time_base="demux", **{"frames:v": self._frames}, **options
            )
            try:
                self._run(outputs, None)
            except UnreadableFile:
                continue
            self._clip = clip
            return clip
        raise Unmarkable("its picture cannot be decoded")

    def _run(self, outputs: Any, told: bytearray | None) -> None:
        job = self._job
        consumer = told.extend if told is not None else None
        run(outputs, name=job.source.name, limits=job.limits, program=job.program, consumer=consumer)
