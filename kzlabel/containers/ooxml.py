"""Documents that are zips (OOXML, OpenDocument, EPUB): their properties are read, within caps, and nothing else."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import InputError, InternalError, LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Container, Slot, Slots, Tag
from .reading import name_of, read_at, size_of

if TYPE_CHECKING:
    from lxml.etree import _Element

MANIFEST = "META-INF/content_credential.c2pa"  # C2PA 2.4, A.6
MAX_MEMBERS = 65_535  # what a zip without the 64-bit extension can list; a large presentation has some thousands
_MAX_DIRECTORY = 32 << 20  # bytes of the central directory, read whole by zipfile
_END, _END_SIZE = b"PK\x05\x06", 22
_COMMENT = 65_535  # longest comment behind the end record

# Members that hold properties, in OOXML (ECMA-376 part 2), OpenDocument 1.3 part 2 and EPUB 3 packages.
_OOXML = ("docProps/custom.xml", "docProps/app.xml", "docProps/core.xml")
_OPENDOCUMENT = "meta.xml"
_CONTAINER = "META-INF/container.xml"
# Properties worth showing; the rest of app.xml is statistics.
_APP = ("Application", "AppVersion", "Company", "Manager", "Template")

_FAILURES = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,  # a method or version that zipfile does not know
    RuntimeError,  # an encrypted member
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    LookupError,  # a member's name in an unknown encoding
)


class Package:
    """One zipped document."""

    holds: frozenset[Slot] = frozenset()

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        tags: list[Tag] = []
        damage: list[str] = []
        manifest = False
        try:
            with _opened(file) as archive:
                names = set(archive.namelist())
                manifest = MANIFEST in names
                for member in _members(archive, names, limits, name_of(file), damage):
                    try:
                        root = _parsed(_inflated(archive, member, limits, name_of(file)), limits, name_of(file))
                        tags += _properties(member, root)
                    except (InputError, *_FAILURES) as error:
                        damage.append(_sentence(name_of(file), member, error))
        except (InputError, *_FAILURES) as error:
            damage.append(_sentence(name_of(file), "the archive", error))
        return Slots(tags=tuple(tags), manifest=manifest, damage=tuple(damage))

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        raise InternalError(f"{path.name}: zipped documents cannot be written")


OOXML: Container = Package()


def _opened(file: BinaryIO) -> zipfile.ZipFile:
    """Open the archive once its end record promises a directory of bearable size."""
    size = size_of(file)
    start = max(0, size - _END_SIZE - _COMMENT)
    tail = read_at(file, start, size - start)
    place = tail.rfind(_END)
    if place < 0 or place + _END_SIZE > len(tail):
        raise UnreadableFile(f"{name_of(file)}: the archive is cut off; its directory is missing")
    members, length = struct.unpack_from("<HI", tail, place + 10)
    # 0xFFFF and 0xFFFFFFFF refer to the 64-bit record, which only archives beyond our caps need.
    if members >= MAX_MEMBERS or length > _MAX_DIRECTORY:
        raise LimitExceeded(f"{name_of(file)}: the archive lists more than {MAX_MEMBERS} members, or too long names")
    return zipfile.ZipFile(file)


def _members(archive: zipfile.ZipFile, names: set[str], limits: Limits, name: str, damage: list[str]) -> Iterator[str]:
    yield from (member for member in (*_OOXML, _OPENDOCUMENT) if member in names)
    if _CONTAINER in names:
        try:
            root = _parsed(_inflated(archive, _CONTAINER, limits, name), limits, name)
            paths = [element.get("full-path", "") for element in root.iter("{*}rootfile")]
        except (InputError, *_FAILURES) as error:
            damage.append(_sentence(name, _CONTAINER, error))
            return
        yield from (path for path in paths[:4] if path in names)  # EPUB allows several renditions; one is usual


def _inflated(archive: zipfile.ZipFile, member: str, limits: Limits, name: str) -> bytes:
    info = archive.getinfo(member)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableFile(f"{name}: {member} is packed by a method that documents do not use")
    ratio = info.file_size / max(info.compress_size, 1)
    if info.file_size > limits.max_slot_bytes or (ratio > limits.max_zip_ratio and info.file_size > 1 << 20):
        raise LimitExceeded(f"{name}: {member} would inflate to {info.file_size} bytes")
    with archive.open(info) as stream:
        data = stream.read(limits.max_slot_bytes + 1)
    if len(data) > limits.max_slot_bytes:
        raise LimitExceeded(f"{name}: {member} inflates to more than {limits.max_slot_bytes} bytes")
    return data


def _parsed(data: bytes, limits: Limits, name: str) -> _Element:
    """The root of a property list, parsed without document type, entities or network."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.LxmlError as error:
        raise UnreadableFile(f"{name}: a property list is no well-formed XML: {error}") from None
    information: Any = root.getroottree().docinfo
    if information.doctype:
        raise UnreadableFile(f"{name}: a property list declares a document type, which documents never do")
    return root


def _properties(member: str, root: _Element) -> Iterator[Tag]:
    """The texts of one property list. OOXML custom, OOXML app and core, OpenDocument user-defined, EPUB meta."""
    for element in root.iter("*"):
        local = _local(element)
        label = local
        if member == _OOXML[0]:
            if local != "property":
                continue
            label = str(element.get("name", ""))
            value = "".join(str(text) for text in element.itertext())
        elif member == _OOXML[1] and local not in _APP:
            continue
        elif local == "user-defined":
            label = next((str(v) for k, v in element.attrib.items() if str(k).endswith("}name")), local)
            value = element.text or ""
        elif local == "meta" and not len(element):
            label = element.get("property") or element.get("name") or local
            value = element.get("content") or element.text or ""
        elif local in ("item", "itemref", "reference") or len(element):
            continue
        else:
            value = element.text or ""
        if label and value.strip():
            yield Tag(str(label), value.strip(), member)


def _local(element: _Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _sentence(name: str, what: str, error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"{name}: {what} cannot be read: {error}"
