"""The lines that disclose: which languages an encoding can hold, and the record of what was written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...containers.charset import Charset
from ...disclosure.plan import DisclosurePlan, DisclosureRecord, Form
from ...disclosure.wording import Phrase, phrases
from ...errors import RequirementNotMet, UsageError

FALL_BACK = ("ru", "en")  # where none of the languages asked for fits


def fitting(plan: DisclosurePlan, charset: Charset, name: str) -> tuple[tuple[Phrase, ...], tuple[str, ...]]:
    """The phrases that the encoding can hold, and a sentence for each that it cannot. Never a replaced letter.

    Raises RequirementNotMet where not even the fall-back fits, UsageError as `phrases` does.
    """
    wanted = phrases(plan)
    fit = tuple(phrase for phrase in wanted if charset.fits(phrase.line))
    notes = tuple(
        f"{charset.codec} has no letters for the disclosure in {phrase.language!r}; save the text as UTF-8 to have it"
        for phrase in wanted
        if phrase not in fit
    )
    if not fit:
        fit = tuple(_fall_back(plan, charset))[:1]
        notes += tuple(f"the disclosure is in {phrase.language!r} instead" for phrase in fit)
    if not fit:
        raise RequirementNotMet(f"{name}: {charset.codec} has letters for no wording; save the text as UTF-8")
    return fit, notes


def record(plan: DisclosurePlan, used: tuple[Phrase, ...], notes: tuple[str, ...] = ()) -> DisclosureRecord:
    """What was written."""
    return DisclosureRecord(
        form=Form.LINE,
        source=plan.source,
        languages=tuple(phrase.language for phrase in used),
        wording=tuple(phrase.line for phrase in used),
        place=str(plan.text_place),
        notes=notes,
    )


def _fall_back(plan: DisclosurePlan, charset: Charset) -> Iterable[Phrase]:
    for language in FALL_BACK:
        try:
            (phrase,) = phrases(replace(plan, languages=(language,), texts={}))
        except UsageError:
            continue
        if charset.fits(phrase.line):
            yield phrase
