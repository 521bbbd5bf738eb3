"""PDF: the document's information dictionary and its XMP packet, and whether a C2PA store is attached; read only."""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import InternalError, LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Container, Slot, Slots, Tag
from .reading import name_of

if TYPE_CHECKING:
    import pikepdf

_RELATIONSHIP = "/C2PA_Manifest"  # C2PA 2.4, A.4: AFRelationship of the embedded file


class Pdf:
    """One PDF document."""

    holds: frozenset[Slot] = frozenset()

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        import pikepdf

        name = name_of(file)
        file.seek(0)
        try:
            with _bounded(limits), pikepdf.open(file, suppress_warnings=True) as document:
                return _slots(document, limits, name)
        except pikepdf.PasswordError:
            return Slots(damage=(f"{name}: the document is encrypted, so its properties cannot be read",))
        except _failures() as error:
            return Slots(damage=(f"{name}: the document cannot be read: {_first_line(error)}",))

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        raise InternalError(f"{path.name}: PDF documents cannot be written")


PDF: Container = Pdf()


@contextmanager
def _bounded(limits: Limits) -> Iterator[None]:
    """Bounds on what qpdf inflates and parses, for as long as our own document is open.

    They are the process's, so one document is read at a time, and a host that uses pikepdf itself gets its own back.
    """
    from pikepdf import settings

    ours: dict[str, Any] = {
        "flate_max_memory": limits.max_slot_bytes + limits.max_manifest_bytes,
        "run_length_max_memory": limits.max_slot_bytes,
        "png_max_memory": limits.max_slot_bytes,
        "tiff_max_memory": limits.max_slot_bytes,
        "parser_max_nesting": limits.max_nesting * 4,  # a page's resources alone nest a dozen deep
        "doc_max_warnings": 1_000,
    }
    with _ONE_AT_A_TIME:
        talk = logging.getLogger("pikepdf._core")  # its warnings would go to stderr, in the file's own words
        earlier: dict[str, Any] = settings.set_qpdf_limits(**ours)
        silent, talk.disabled = talk.disabled, True
        try:
            yield
        finally:
            talk.disabled = silent
            settings.set_qpdf_limits(**earlier)


_ONE_AT_A_TIME = threading.Lock()


def _slots(document: pikepdf.Pdf, limits: Limits, name: str) -> Slots:
    tags: tuple[Tag, ...] = ()
    packets: tuple[bytes, ...] = ()
    damage: list[str] = []
    manifest = False
    try:
        tags = tuple(_information(document, limits))
    except _failures() as error:
        damage.append(f"{name}: the document's information cannot be read: {_first_line(error)}")
    try:
        packets = _packets(document, limits, name)
    except (UnreadableFile, LimitExceeded) as error:
        damage.append(str(error))
    except _failures() as error:
        damage.append(f"{name}: the XMP packet cannot be read: {_first_line(error)}")
    try:
        manifest = _has_manifest(document, limits)
    except _failures() as error:
        damage.append(f"{name}: the attached files cannot be read: {_first_line(error)}")
    return Slots(xmp=packets, tags=tags, manifest=manifest, damage=tuple(damage))


def _information(document: pikepdf.Pdf, limits: Limits) -> list[Tag]:
    import pikepdf

    info = document.trailer.get("/Info")
    if not isinstance(info, pikepdf.Dictionary):
        return []
    tags = []
    for count, (key, value) in enumerate(info.items()):
        if count >= limits.max_boxes:
            break
        if isinstance(value, pikepdf.String):
            text = str(value)
            if len(text) <= limits.max_slot_bytes:
                tags.append(Tag(str(key).removeprefix("/"), text, "PDF information"))
    return tags


def _packets(document: pikepdf.Pdf, limits: Limits, name: str) -> tuple[bytes, ...]:
    import pikepdf

    stream = document.Root.get("/Metadata")
    if not isinstance(stream, pikepdf.Stream):
        return ()
    filters = stream.get("/Filter")
    names = (
        [str(entry) for entry in filters] if isinstance(filters, pikepdf.Array) else [str(filters)] if filters else []
    )
    raw = bytes(stream.read_raw_bytes())
    if not names:
        data = raw
    elif names == ["/FlateDecode"]:
        data = zlib.decompressobj().decompress(raw, limits.max_slot_bytes + 1)
    else:
        raise UnreadableFile(f"{name}: the XMP packet is packed in an unusual way")
    if len(data) > limits.max_slot_bytes:
        raise LimitExceeded(f"{name}: the XMP packet is larger than {limits.max_slot_bytes} bytes")
    return (data,)


def _has_manifest(document: pikepdf.Pdf, limits: Limits) -> bool:
    """Associated files of the catalogue first; else files in the name tree of embedded files."""
    import pikepdf

    associated = document.Root.get("/AF")
    entries = list(associated)[: limits.max_boxes] if isinstance(associated, pikepdf.Array) else []
    names = document.Root.get("/Names")
    nodes = [names.get("/EmbeddedFiles")] if isinstance(names, pikepdf.Dictionary) else []
    visited = 0
    while nodes and visited < limits.max_boxes // 100:  # a tree may point at itself
        node = nodes.pop()
        visited += 1
        if not isinstance(node, pikepdf.Dictionary):
            continue
        for key, into in (("/Kids", nodes), ("/Names", entries)):
            children = node.get(key)
            if isinstance(children, pikepdf.Array):
                into.extend(list(children)[: limits.max_boxes])
        if len(entries) > limits.max_boxes:
            break
    return any(
        isinstance(entry, pikepdf.Dictionary) and str(entry.get("/AFRelationship", "")) == _RELATIONSHIP
        for entry in entries
    )


def _failures() -> tuple[type[Exception], ...]:
    import pikepdf

    return (
        pikepdf.PdfError,
        pikepdf.ForeignObjectError,
        zlib.error,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RuntimeError,
        NotImplementedError,
        OSError,
    )


def _first_line(error: Exception) -> str:
    """The reason alone: qpdf puts the file's path or the stream's address before it."""
    return str(error).partition("\n")[0].rpartition(": ")[2][:200] or type(error).__name__
