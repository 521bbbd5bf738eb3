"""What is asked of the labeller, and what became of it: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .declaration import Declaration, Source
from .disclosure.plan import DisclosurePlan, DisclosureRecord, Position, TextPlace
from .limits import DEFAULT_LIMITS, Limits
from .media import Format, formats
from .media.base import Progress, WatermarkPlan
from .media.programs.ffmpeg import Programs
from .profiles import Profile, load_profile
from .signing import DEVELOPMENT, Passphrase
from .watermark.keys import WatermarkKey
from .watermark.payload import Payload
from .watermark.record import WatermarkRecord
from .watermark.strength import Strength


@dataclass(frozen=True)
class LabelOptions:
    """How to label, the same for many files.

    profile: the regime. languages: of the disclosure, None for the profile's. texts: own wording per language.
    position, size, crop_safe, text_place, notice: see DisclosurePlan. encoding: charset of texts, None to detect it.
    disclosure, metadata, watermark: which layers to write. watermark_key: whose mark, None for the open key that
    everybody can read. watermark_strength: see Strength. keep_sound: leave a film's sound bit for bit, without a mark.
    only_new: refuse what is labelled already. overwrite: replace outputs.
    keep_name: write under the name asked for even if its ending belongs to another format.
    source_confirmed: whether a person said "generated" in so many words; else camera originals are refused.
    ffmpeg: the program to use, None for the one that comes with kzlabel. formats: None for all that are known.
    signer: by URI. keys: the folder of keys, None for `keys` in the user's configuration folder. passphrase: tells
    passphrases and PINs of keys. allow_shared_key: use key files that others may read.
    tsa: address of an RFC 3161 time-stamping authority. tsa_required: fail rather than sign without its time-stamp.
    registry: where labels are registered: `postgresql://…`, `sqlite:///PATH`, `https://…`, or `none`; None for the one
    in the user's state folder, if one was initialised. registry_required: fail rather than let an entry wait for a
    registry. registry_token: lets us write to a registry at https.
    audit: where each signature is recorded: a file, `syslog:`, or `off`; None for the file in the user's state folder.
    """

    profile: Profile = field(default_factory=lambda: load_profile("kz"))
    languages: tuple[str, ...] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    position: Position = Position.TOP_RIGHT
    size: float = 1.0
    crop_safe: bool | None = None
    text_place: TextPlace = TextPlace.TOP
    notice: Path | None = None
    encoding: str | None = None
    disclosure: bool = True
    metadata: bool = True
    watermark: bool = True
    watermark_key: WatermarkKey = field(default_factory=WatermarkKey)
    watermark_strength: Strength = Strength.NORMAL
    keep_sound: bool = False
    only_new: bool = False
    overwrite: bool = False
    keep_name: bool = False
    source_confirmed: bool = False
    signer: str = DEVELOPMENT
    keys: Path | None = None
    passphrase: Passphrase = field(default_factory=Passphrase)
    allow_shared_key: bool = False
    tsa: str | None = None
    tsa_required: bool = False
    audit: str | None = None
    registry: str | None = None
    registry_required: bool = False
    registry_token: str | None = field(default=None, repr=False)
    ffmpeg: str | None = None
    limits: Limits = DEFAULT_LIMITS
    formats: tuple[Format, ...] | None = None

    def plan(self, source: Source) -> DisclosurePlan:
        """The disclosure that these options ask for."""
        return DisclosurePlan(
            source=source,
            languages=self.profile.languages if self.languages is None else self.languages,
            texts=self.texts,
            position=self.position,
            size=self.size,
            glyph_share=self.profile.glyph_share,
            glyph_pixels=self.profile.glyph_pixels,
            crop_safe=self.profile.crop_safe if self.crop_safe is None else self.crop_safe,
            text_place=self.text_place,
            notice=self.notice,
        )

    def watermark_plan(self, declaration: Declaration) -> WatermarkPlan:
        """The watermark that these options ask for. The sound of a modified film is left as it is."""
        return WatermarkPlan(
            Payload(declaration.identifier, declaration.source),
            self.watermark_key,
            self.watermark_strength,
            sound=declaration.source is Source.GENERATED and not self.keep_sound,
        )

    def all_formats(self) -> tuple[Format, ...]:
        """The formats to choose from, each with the external programs of these options."""
        programs = Programs(ffmpeg=self.ffmpeg)
        return tuple(format.using(programs) for format in self.formats or formats())


@dataclass(frozen=True)
class Request:
    """One file to label: everything that differs from file to file.

    name: as people know the input. sidecar: where the manifest goes instead of into the output.
    expected: a format's name, media type or ending that the input must have. dry_run: check, and write nothing.
    in_place: the target is the input itself, and will be replaced. alone: nothing may stand beside the output, so a
    format that cannot hold its manifest needs `sidecar`. drawn: the declaration's identifier was drawn at random, and
    another may take its place.
    """

    source: Path
    target: Path
    declaration: Declaration
    name: str
    parent: Path | None = None
    sidecar: Path | None = None
    expected: str | None = None
    dry_run: bool = False
    in_place: bool = False
    alone: bool = False
    progress: Progress | None = None
    drawn: bool = False


@dataclass(frozen=True)
class Labelled:
    """What became of one file. status: "labelled", "unchanged" or "planned".

    time_stamp: `time` (RFC 3339) and `authority` (its address), if the signature was time-stamped.
    """

    file: str
    output: Path
    status: str
    format: str
    medium: str
    declaration: Declaration
    sidecar: Path | None = None
    disclosure: DisclosureRecord | None = None
    watermark: WatermarkRecord | None = None
    manifest_id: str | None = None
    sha256: str | None = None
    time_stamp: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """One line for a person."""
        where = f"{self.output} and {self.sidecar.name}" if self.sidecar else str(self.output)
        if self.status == "unchanged":
            return f"{self.file}: already labelled, copied unchanged to {where}"
        if self.status == "planned":
            return f"{self.file}: would be labelled AI-{self.declaration.source} ({self.format}) as {where}"
        return f"{self.file}: labelled AI-{self.declaration.source}, identifier {self.declaration.identifier}: {where}"

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "status": self.status,
            "output": str(self.output),
            "sidecar": str(self.sidecar) if self.sidecar else None,
            "medium": str(self.medium),
            "format": self.format,
            "identifier": self.declaration.identifier,
            "manifest_id": self.manifest_id,
            "sha256": self.sha256,
            "time_stamp": dict(self.time_stamp) if self.time_stamp else None,
            "declaration": self.declaration.to_json(),
            "disclosure": self.disclosure.to_json() if self.disclosure else None,
            "watermark": self.watermark.to_json() if self.watermark else None,
            "notes": list(self.notes),
        }
