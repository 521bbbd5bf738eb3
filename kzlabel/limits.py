"""How much a hostile file may cost: one frozen object, handed to every parser and program."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Upper bounds on what one input may cost. Each is a setting; docs/limits.md says what it protects from.

    max_pixels: pixels of one frame, width times height.
    max_total_pixels: pixels of all frames of an animation or a multi-page file together.
    max_frames: frames of an animation, pages of a TIFF.
    max_duration: seconds of a film or a recording.
    max_text_bytes: size of a text, Markdown or HTML file.
    max_slot_bytes: size of one metadata block (an XMP packet, a tag, a zip member once inflated).
    max_manifest_bytes: size of one C2PA manifest store, also of a sidecar.
    max_boxes: boxes, chunks, segments, elements or directories visited in one file.
    max_nesting: depth of boxes, elements of an XMP packet, tags within tags.
    max_zip_ratio: inflated over packed size of a zip member.
    max_spool_bytes: size of an input that comes from a pipe.
    watermark_seconds: seconds of searching for watermarks in one file, its decoding aside.
    program_timeout: seconds that one run of an external program may last, for each hour of media (at least one hour).
    """

    max_pixels: int = 200_000_000
    max_total_pixels: int = 2_000_000_000
    max_frames: int = 5_000
    max_duration: float = 24 * 3600.0
    max_text_bytes: int = 64 * MIB
    max_slot_bytes: int = 16 * MIB
    max_manifest_bytes: int = 32 * MIB
    max_boxes: int = 200_000
    max_nesting: int = 32
    max_zip_ratio: int = 200
    max_spool_bytes: int = 4096 * MIB
    watermark_seconds: float = 60.0
    program_timeout: float = 4 * 3600.0


DEFAULT_LIMITS = Limits()
