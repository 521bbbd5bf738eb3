"""The spoken notice: which clips, in which order, with which pauses, and how loud. Decisions only, no sound."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..declaration import Source
from ..errors import RequirementNotMet
from .plan import DisclosurePlan
from .wording import phrases

NOTICES = Path(__file__).parent / "data" / "notices"
CLIP_RATE = 48_000  # hertz of the shipped clips

TOTAL_LIMIT = 8.0  # seconds of a notice in three languages, its last pause included: our promise
ONE_LANGUAGE_LIMIT = 3.5  # the same for one language
OWN_LIMIT = 30.0  # seconds of an own recording: longer is a programme, not a notice
SHORT_PROGRAMME = 10.0  # seconds; a shorter programme is announced in its first language only

# Seconds of silence after the earcon, between two languages, and before the programme: enough to be heard as a break.
AFTER_EARCON = 0.12
BETWEEN_LANGUAGES = 0.18
BEFORE_PROGRAMME = 0.35

TOLERANCE = 1.0  # LU between notice and programme
TOLERANCE_LOUD = 5.0  # LU, where the programme is so loud that speech cannot follow without distortion
# LUFS below which a notice is not turned down further: 13 LU under EBU R128's target, the quietest speech still heard
# at a volume that suits most programmes.
FLOOR = -36.0
# LUFS beside a programme without any loudness to match (silence): EBU R128's target for programmes.
BESIDE_SILENCE = -23.0
MAX_TRUE_PEAK = -1.0  # dBTP, EBU R128


@dataclass(frozen=True)
class Clip:
    """One shipped recording. seconds: its length. language and source: empty for the earcon."""

    path: Path
    seconds: float
    language: str = ""
    source: str = ""
    wording: str = ""


@dataclass(frozen=True)
class Notice:
    """What is to be said: recordings one after another, each with a silence after it.

    pauses: seconds, one for each recording. languages, wording: what is said, for the record; wording may be empty for
    an own recording. own: whether the recording is the user's. notes: what a person should know.
    """

    recordings: tuple[Path, ...]
    pauses: tuple[float, ...]
    languages: tuple[str, ...]
    wording: tuple[str, ...]
    own: bool = False
    notes: tuple[str, ...] = ()


def choose(plan: DisclosurePlan, duration: float | None) -> Notice:
    """The notice for a programme of `duration` seconds (None: unknown, taken for long).

    Raises RequirementNotMet when none of the languages has a recording, UsageError as `wording.phrases` does.
    """
    wanted = phrases(plan)
    languages = tuple(phrase.language for phrase in wanted)
    if plan.notice is not None:
        words = tuple(plan.texts[language] for language in languages if language in plan.texts)
        return Notice((plan.notice,), (BEFORE_PROGRAMME,), languages, words, own=True)
    notes: list[str] = []
    spoken = [clip for language in languages if (clip := clips().get((language, plan.source)))]
    if not spoken:
        raise RequirementNotMet(
            f"there is no spoken notice in {', '.join(languages)}; record one and give it with --notice FILE"
        )
    if missing := [language for language in languages if (language, plan.source) not in clips()]:
        notes.append(f"There is no recording in {', '.join(missing)}; the notice is spoken without it.")
    if own := [clip.language for clip in spoken if clip.language in plan.texts]:
        notes.append(f"The own text in {', '.join(own)} is not spoken; record it and give it with --notice FILE.")
    if duration is not None and duration < SHORT_PROGRAMME and len(spoken) > 1:
        spoken = spoken[:1]
        notes.append(f"The programme is shorter than {SHORT_PROGRAMME:.0f} s; only its first language is spoken.")
    return Notice(
        recordings=(earcon().path, *(clip.path for clip in spoken)),
        pauses=(AFTER_EARCON, *[BETWEEN_LANGUAGES] * (len(spoken) - 1), BEFORE_PROGRAMME),
        languages=tuple(clip.language for clip in spoken),
        wording=tuple(clip.wording for clip in spoken),
        notes=tuple(notes),
    )


def lead_in(languages: tuple[str, ...], source: Source) -> float:
    """Seconds from the earcon's first sample to the programme's first."""
    spoken = sum(clips()[language, source].seconds for language in languages)
    pauses = AFTER_EARCON + BETWEEN_LANGUAGES * (len(languages) - 1) + BEFORE_PROGRAMME
    return earcon().seconds + spoken + pauses


def loudness_beside(programme: float | None) -> float:
    """LUFS that the notice should have beside a programme of so many LUFS (None: silence, or too short to measure)."""
    if programme is None or not math.isfinite(programme) or programme <= SILENCE:
        return BESIDE_SILENCE
    return max(programme, FLOOR)


SILENCE = -70.0  # LUFS, the absolute gate of ITU-R BS.1770-5: nothing at all was loud enough to count


def earcon() -> Clip:
    """The two tones that come first."""
    return clips()["", ""]


@cache
def clips() -> Mapping[tuple[str, str], Clip]:
    """The shipped recordings by language and source; the earcon under two empty strings."""
    index = tomllib.loads((NOTICES / "notices.toml").read_text(encoding="utf-8"))
    found = [
        Clip(
            NOTICES / entry["file"],
            entry["samples"] / CLIP_RATE,
            entry.get("language", ""),
            entry.get("source", ""),
            entry.get("wording", ""),
        )
        for entry in index["clips"]
    ]
    return {(clip.language, clip.source): clip for clip in found}
