"""What plain text, Markdown and HTML share: reading, splicing lines in, and reading the result back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from ...containers import charset
from ...containers.base import Slot
from ...containers.charset import Charset
from ...containers.text_carriers import Structure, embeddable, without_manifest
from ...containers.text_edit import newline_of, splice
from ...disclosure.plan import DisclosurePlan, DisclosureRecord, TextPlace
from ...disclosure.wording import Phrase
from ...errors import InternalError, UnreadableFile, UsageError
from ...files import writing
from ...limits import Limits
from ...watermark.keys import WatermarkKey
from ..base import Carrier, Format, Impression, MediaInfo, Medium, Rendered, RenderPlan
from .encoding import TextFile, load
from .wording import fitting, record

NEWLINES = {"\n": "lf", "\r\n": "crlf", "\r": "cr"}

Edit = tuple[int, int, str]
"""Characters [start, end) of the text, and what takes their place."""


class Text(Format):
    """A text of any kind. Subclasses say where lines go and how they look."""

    medium = Medium.TEXT
    carrier = Carrier.TEXT

    def probe(self, source: Path, limits: Limits) -> MediaInfo:
        """The encoding is None where it has to be told; `render` then asks for it."""
        try:
            return self._info(self._load(source, limits, None))
        except UsageError:
            carrier = Carrier.SIDECAR if self.mime == "text/plain" else Carrier.TEXT
            return MediaInfo(detail={"encoding": None, "carrier": str(carrier)})

    def carrier_for(self, info: MediaInfo) -> Carrier:
        """Inside where the encoding can hold the manifest, else beside the text."""
        return Carrier(info.detail["carrier"])

    def render(self, source: Path, target: Path, plan: RenderPlan) -> Rendered:
        """See Format. Not one byte of the source changes; lines are only put in."""
        file = self._load(source, plan.limits, plan.encoding)
        self._refuse(file.text, source.name)
        edits: list[Edit] = []
        done: DisclosureRecord | None = None
        if plan.disclosure is not None:
            used, notes = self._phrases(plan.disclosure, file, source.name)
            edits = list(self._disclosure(file, used, plan.disclosure, source.name))
            done = record(plan.disclosure, used, notes)
        text = splice(file.text, edits)
        with writing(target):
            target.write_bytes(file.charset.encode(text))
        if self.container is not None and Slot.TAGS in self.holds and plan.slots.tags:
            self.container.write(target, plan.slots, plan.limits)
        return Rendered(self._info(TextFile(text, file.charset, file.declared)), done, done.notes if done else ())

    def check(self, source: Path, target: Path, rendered: Rendered, limits: Limits) -> None:
        """The same text in the same encoding, but for the disclosure, which is there, and the metadata."""
        codec = str(rendered.info.detail["encoding"])
        before = self._load(source, limits, codec)
        after = self._load(target, limits, codec)
        if before.charset != after.charset:
            raise InternalError(f"{source.name}: the encoding changed while the text was labelled")
        wording = rendered.disclosure.wording if rendered.disclosure else ()
        if self._essence(before.text, wording) != self._essence(after.text, wording):
            raise InternalError(f"{source.name}: the text changed while it was labelled")
        shown = self._shown(after.text)
        if not all(line in shown for line in wording):
            raise InternalError(f"{source.name}: the disclosure cannot be read back from the labelled text")

    def impression(self, source: Path, limits: Limits, *, keys: tuple[WatermarkKey, ...] = ()) -> Impression | None:
        from .impression import TextImpression

        try:
            return TextImpression(self._shown(self._load(source, limits, None).text))
        except UsageError as error:  # its encoding would have to be told
            raise UnreadableFile(str(error)) from None

    @abstractmethod
    def _disclosure(self, file: TextFile, used: tuple[Phrase, ...], plan: DisclosurePlan, name: str) -> Iterable[Edit]:
        """Where the lines go."""

    def _load(self, source: Path, limits: Limits, encoding: str | None) -> TextFile:
        """The text without the manifest that it carries: it gets a new one, in which the old one is an ingredient."""
        return load(source, limits, encoding=encoding, declared=self._declared, strip=partial(self._strip, limits))

    def _strip(self, limits: Limits, data: bytes) -> bytes:
        return without_manifest(data, Structure(self.mime), limits=limits)

    def _declared(self, data: bytes) -> Charset | None:
        """The encoding that the text names."""
        return None

    def _phrases(self, plan: DisclosurePlan, file: TextFile, name: str) -> tuple[tuple[Phrase, ...], tuple[str, ...]]:
        return fitting(plan, file.charset, name)

    def _refuse(self, text: str, name: str) -> None:
        """Raise UnsupportedFormat for what a line would break."""
        return

    def _essence(self, text: str, wording: tuple[str, ...]) -> list[str]:
        """The lines that must come through unchanged: all but empty ones and the disclosure."""
        lines = (line.rstrip("\r\n") for line in text.splitlines())
        return [line for line in lines if line.strip() and not self._discloses(line, wording)]

    def _discloses(self, line: str, wording: tuple[str, ...]) -> bool:
        return line[1:-1] in wording

    def _shown(self, text: str) -> str:
        """What a reader reads, as far as the disclosure is concerned."""
        return text

    def _info(self, file: TextFile) -> MediaInfo:
        newline = newline_of(file.text)
        embeds = embeddable(Structure(self.mime), file.charset, newline)
        return MediaInfo(
            detail={
                "encoding": file.charset.codec,
                "bom": bool(file.charset.mark),
                "newline": NEWLINES[newline],
                "characters": len(file.text),
                "carrier": str(Carrier.TEXT if embeds else Carrier.SIDECAR),
            }
        )


def places(plan: DisclosurePlan) -> tuple[bool, bool]:
    """Whether lines go to the top, and to the bottom."""
    return plan.text_place is not TextPlace.BOTTOM, plan.text_place is not TextPlace.TOP


def at_bottom(text: str, block: str, newline: str) -> Edit:
    """`block`, which ends with a line end, as the last lines; it ends with one as `text` did."""
    if text.endswith(("\n", "\r")):
        return len(text), len(text), newline + block
    return len(text), len(text), newline + newline + block[: -len(newline)]


def text_score(header: bytes) -> int:
    """Of any text: low, so that everything with a signature of its own comes first."""
    return 10 if charset.is_text(header, cut=True) else 0


def decoded_header(header: bytes) -> str | None:
    """The beginning of a text, for a look at its first tags; None for what is no text."""
    if not charset.is_text(header, cut=True):
        return None
    encoding = charset.sniff(header, cut=True) or Charset(charset.TRANSPARENT)
    return header[len(encoding.mark) :].decode(encoding.codec, "ignore")
