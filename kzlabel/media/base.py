"""What an adapter is: one class for each format, found by its bytes, that probes a file and renders it anew."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from ..containers.base import Container, Slot, Slots
from ..disclosure.plan import DisclosurePlan, DisclosureRecord
from ..errors import UnreadableFile, UnsupportedFormat, UsageError
from ..files import LABELLED
from ..fingerprint import Fingerprint
from ..inert import inert
from ..limits import DEFAULT_LIMITS, Limits
from ..watermark.detection import Detection
from ..watermark.keys import WatermarkKey
from ..watermark.payload import Payload
from ..watermark.record import WatermarkRecord
from ..watermark.strength import Strength
from .programs.ffmpeg import Programs

HEADER_BYTES = 64 * 1024  # what `score` gets to see: enough for a text's first screen and for any magic number
BEYOND_DOUBT = 100  # the score of a signature that no other format shares: nobody else is asked then

Read = TypeVar("Read")
Progress = Callable[[float], None]
"""Called with the share that is done, 0..1, rising."""


class Medium(StrEnum):
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    DOCUMENT = "document"


class Carrier(StrEnum):
    """How a format carries its C2PA manifest."""

    EMBEDDED = "embedded"
    """c2pa writes it into the file."""
    TEXT = "text"
    """kzlabel writes it: an invisible wrapper (A.8), a comment block (A.9) or a script element (A.7)."""
    SIDECAR = "sidecar"
    """It stands beside the file as NAME.EXT.c2pa."""


@dataclass(frozen=True)
class MediaInfo:
    """What probing found, without decoding the whole.

    width, height: pixels as displayed (orientation applied). frames: None where it takes a full read to know.
    duration: seconds. camera: a sentence when the file is visibly a camera's own ("camera EXIF: Canon PowerShot S40").
    detail: what only the adapter itself understands (codecs, streams, sampling, encoding …).
    """

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    duration: float | None = None
    camera: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class WatermarkPlan:
    """The mark that a render puts into pixels or samples.

    sound: whether the sound of a film gets it as well, for which it is encoded anew.
    """

    payload: Payload
    key: WatermarkKey = field(default_factory=WatermarkKey)
    strength: Strength = Strength.NORMAL
    sound: bool = True


@dataclass(frozen=True)
class RenderPlan:
    """What one pass over the media has to do: everything in one decode and one encode.

    disclosure: None draws, speaks and writes nothing. watermark: None puts no mark in; where both are None, samples,
    pixels and characters stay as they are. slots: metadata that must stand in the output,
    already merged with what the input held. encoding: the charset of a text, None to detect it.
    """

    disclosure: DisclosurePlan | None = None
    watermark: WatermarkPlan | None = None
    slots: Slots = field(default_factory=Slots)
    encoding: str | None = None
    limits: Limits = DEFAULT_LIMITS
    progress: Progress | None = None


@dataclass(frozen=True)
class Rendered:
    """What was done: `info` as expected of the output, the records, sentences for a person.

    fingerprints: of the finished work, as far as they were told already.
    """

    info: MediaInfo
    disclosure: DisclosureRecord | None = None
    notes: tuple[str, ...] = ()
    watermark: WatermarkRecord | None = None
    fingerprints: tuple[Fingerprint, ...] = ()


class Look(StrEnum):
    """How closely a work is looked at for watermarks."""

    EVERYWHERE = "everywhere"
    STRETCH = "stretch"
    """Of a longer film or recording a stretch in the middle only: enough for a mark that fills it."""
    OWN = "own"
    """The same, and of a film only for a mark that lies as kzlabel lays it: neither cut nor within borders."""


@dataclass(frozen=True)
class Watermarks:
    """Marks that were read, each with its carrier, "picture" or "sound"; `why`, if the file was not looked at, or
    not to the end without having found any.

    in_part: whether the look left something out.
    """

    found: tuple[tuple[str, Detection], ...] = ()
    why: str | None = None
    in_part: bool = False


@dataclass(frozen=True)
class Compared:
    """How a work compares with the fingerprint of another.

    agrees: whether it is that work or a copy of it, by the threshold of its kind. similarity: share of the
    fingerprint's bits that agree where the two overlap, 0..1. place: where the copy lies in the original, and what of
    it was compared, as the medium tells.
    """

    agrees: bool
    similarity: float
    place: Mapping[str, Any] = field(default_factory=dict)


def overlap(start: float, length: float, copy: float, *, unsure: float = 0.0) -> float:
    """The share of a copy that can be of the original, 0..1.

    start: seconds in the original at which the copy begins. length, copy: seconds of both. unsure: by how many seconds
    the original may begin sooner and end later.
    """
    shared = min(copy, length - start + unsure) - max(0.0, -start - unsure)
    return min(1.0, max(0.0, shared / copy)) if copy > 0 else 0.0


def read_signed(signed: Sequence[Fingerprint], algorithm: str, read: Callable[[bytes], Read]) -> Read | None:
    """The first of these fingerprints that is of an algorithm and can be read; None where there is none."""
    for one in signed:
        if one.algorithm == algorithm:
            try:
                return read(one.data)
            except UnreadableFile:
                continue
    return None


class Impression(ABC):
    """What a work looks, sounds or reads like, decoded once and held against any number of others."""

    @property
    @abstractmethod
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """What is signed of it, and kept."""

    @abstractmethod
    def queries(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """For each algorithm by which a registry can be asked for works that are alike: the keys to ask with."""

    @abstractmethod
    def compared(self, signed: Sequence[Fingerprint], mark: tuple[str, Detection] | None) -> Compared | None:
        """Hold it against the signed fingerprints of another work; None where nothing can be compared.

        mark: carrier and detection of the watermark that led there, whose geometry tells how the copy lies.
        """


class Format(ABC):
    """One file format. Adding one is adding a subclass to FORMATS of its medium; README.md shows how."""

    name: ClassVar[str]
    """As people say it: "JPEG"."""
    mime: ClassVar[str]
    medium: ClassVar[Medium]
    extensions: ClassVar[tuple[str, ...]]
    """Usual endings with the dot, the first one preferred."""
    carrier: ClassVar[Carrier] = Carrier.EMBEDDED
    container: ClassVar[Container | None] = None
    refusal: ClassVar[str | None] = None
    """For a format that can only be verified: the rest of the sentence, "convert it to AVIF or JPEG"."""
    programs: Programs = Programs()
    """External programs to run, where the format needs any."""

    def using(self, programs: Programs) -> Self:
        """The same format, with other external programs."""
        other = copy.copy(self)
        other.programs = programs
        return other

    @classmethod
    @abstractmethod
    def score(cls, header: bytes) -> int:
        """How surely the first HEADER_BYTES of a file are of this format: 0 not at all, BEYOND_DOUBT at most."""

    def probe(self, source: Path, limits: Limits) -> MediaInfo:
        """Look at a file cheaply. Raises UnreadableFile or LimitExceeded."""
        raise UnsupportedFormat(self.sentence_of_refusal(source))

    def render(self, source: Path, target: Path, plan: RenderPlan) -> Rendered:
        """Write `target` (which does not exist, in a folder of our own or beside the output) from `source`.

        Decodes once, applies the disclosure, encodes once, keeps all else, fills the slots.
        Raises UnreadableFile, LimitExceeded, RequirementNotMet, MissingProgram, OutputError.
        """
        raise UnsupportedFormat(self.sentence_of_refusal(source))

    @property
    def marks(self) -> bool:
        """Whether `render` can put a watermark into works of this format, and `watermarks` read it."""
        return False

    def watermarks(
        self, source: Path, keys: tuple[WatermarkKey, ...], limits: Limits, *, look: Look = Look.EVERYWHERE
    ) -> Watermarks:
        """Decode a file and look for marks of any of these keys. Takes at most `limits.watermark_seconds`.

        Raises UnreadableFile, LimitExceeded, MissingProgram.
        """
        return Watermarks(why="works of this format carry no watermark")

    def fingerprints(self, path: Path, rendered: Rendered, limits: Limits) -> tuple[Fingerprint, ...]:
        """What a finished work looks, sounds or reads like, to be signed. Raises as `impression` does."""
        impression = self.impression(path, limits)
        return impression.fingerprints if impression else ()

    def impression(self, source: Path, limits: Limits, *, keys: tuple[WatermarkKey, ...] = ()) -> Impression | None:
        """What the work looks, sounds or reads like; None for what has no such thing, or too little of it.

        keys: of watermarks by which a copy may be laid as its original lies, beside the open one.

        Raises UnreadableFile, LimitExceeded, MissingProgram.
        """
        return None

    @property
    def names(self) -> frozenset[str]:
        """All that a person may call it, in lower case: name, media type, endings without the dot."""
        return frozenset({self.name.lower(), self.mime, *(ending[1:] for ending in self.extensions)})

    @property
    def holds(self) -> frozenset[Slot]:
        """The slots that `render` fills."""
        return self.container.holds if self.container else frozenset()

    def carrier_for(self, info: MediaInfo) -> Carrier:
        """How this very file carries its manifest, where that depends on more than the format."""
        return self.carrier

    def check(self, source: Path, target: Path, rendered: Rendered, limits: Limits) -> None:
        """Read `target` back: same frames, streams, samples as promised. Raises InternalError."""
        return

    def sentence_of_refusal(self, source: Path) -> str:
        return f"{source.name}: {self.name} can be verified but not yet labelled; {self.refusal}"

    def check_ending(self, name: str, target: Path, *, way_out: str = "") -> None:
        """Raises UsageError where the name of an output says another format.

        name: of the input. way_out: what else could be done, put at the end of the sentence.
        """
        endings, ending = self.extensions, target.suffix
        told = ending and ending != LABELLED  # a name without an ending stays without one
        if told and ending.lower() not in endings:
            named = Path(name).suffix
            misnamed = f" named {inert(named)}" if named and named.lower() not in endings else ""
            raise UsageError(
                f"{name}: this is a {self.name} file{misnamed}, and the output name says {inert(ending)}; "
                f"give -o {inert(target.stem)}{endings[0]}{way_out}"
            )
