"""The bytes of a C2PA manifest store: found in a damaged file, and opened for the signer's certificates.

c2pa validates signatures but does not hand out the certificates; this reads no more of JUMBF (ISO 19566-5), CBOR
(RFC 8949) and COSE (RFC 9052) than it takes to get there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from ..containers.isobmff import C2PA_UUID

CHUNK = 1 << 20
MAX_BOXES = 20_000
MAX_DEPTH = 16
MAX_ITEMS = 4096
MAX_CHAIN = 16  # certificates beside a signature; real ones have 1 to 4

# The description box of a manifest store: type UUID "c2pa", toggles (requestable, labelled), label "c2pa".
_STORE_TYPE = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
_DESCRIPTION = b"jumd" + _STORE_TYPE + b"\x03c2pa\x00"
# The type of a claim's signature, "c2cs" as a UUID: what the box is, whatever its label says.
_SIGNATURE_TYPE = b"c2cs\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
_COMPRESSED_TYPE = b"c2cm\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"  # of a compressed manifest
_BEFORE = 12  # length and type of the superbox, length of the description box

# C2PA 2.4, A.5: in its uuid box, version, purpose and an offset stand before the store, with the box's header 45 bytes.
_BOX_HEADER = 48

_BREAK = 0xFF  # ends what does not say its length (RFC 8949, 3.2.1)
_X5CHAIN = 33  # RFC 9360
_OLD_X5CHAIN = "x5chain"  # C2PA before 2.0


@dataclass(frozen=True)
class Piece:
    """A store found in the bytes of a file. store: None when it does not stand in one piece, or is too large."""

    offset: int
    store: bytes | None
    boxed: bool
    """Whether it stands in the box that ISO-BMFF has for it."""


def carve(file: BinaryIO, limit: int) -> Piece | None:
    """Look for the first manifest store, of at most `limit` bytes, in a file that cannot be parsed. Raises OSError."""
    overlap = _BEFORE + len(_DESCRIPTION)
    tail, offset = b"", 0
    file.seek(0)
    while chunk := file.read(CHUNK):
        window = tail + chunk
        found = window.find(_DESCRIPTION)
        if found >= 0:
            return _piece(file, offset - len(tail) + found - _BEFORE, limit)
        if b"<c2pa:manifest" in window:  # SVG: base64 text
            return Piece(offset, None, False)
        tail = window[-overlap:]
        offset += len(chunk)
    return None


def signer_chain(store: bytes, manifest: str) -> tuple[bytes, ...]:
    """The certificates, DER, that came with the signature of this manifest, the leaf first; none if not found."""
    try:
        return next((_chain(found.content) for found in _manifests(store) if found.label == manifest), ())
    except (ValueError, IndexError, RecursionError, UnicodeDecodeError):
        return ()


def active_label(store: bytes) -> str | None:
    """The label, a URN, of the active manifest, which is the last; None for what is no manifest store."""
    try:
        return next((found.label for found in reversed(list(_manifests(store)))), None)
    except (ValueError, IndexError, RecursionError, UnicodeDecodeError):
        return None


def active_alone(store: bytes) -> bytes:
    """A store with the active manifest and none of those of its ingredients. Raises ValueError for no store."""
    if store[:4] == b"\0\0\0\1" or store[4:8] != b"jumb" or active_label(store) is None:
        raise ValueError("this is no manifest store")
    described = int.from_bytes(store[8:12], "big")
    start, last = 8 + described, b""
    for kind, content in _boxes(store[start:]):
        last = content if kind == b"jumb" else last
    size = start + 8 + len(last)
    return size.to_bytes(4, "big") + store[4:start] + (8 + len(last)).to_bytes(4, "big") + b"jumb" + last


def doubled(store: bytes) -> bool:
    """Whether two manifests of a store bear one label, so that nobody can say which of them is meant."""
    try:
        labels = [found.label for found in _manifests(store)]
    except (ValueError, IndexError, RecursionError, UnicodeDecodeError):
        return False
    return len(labels) != len(set(labels))


def compressed(store: bytes, manifest: str) -> bool:
    """Whether this manifest stands in its store compressed (C2PA 2.4 allows Brotli), which is not read here."""
    try:
        return any(found.label == manifest and found.type == _COMPRESSED_TYPE for found in _manifests(store))
    except (ValueError, IndexError, RecursionError, UnicodeDecodeError):
        return False


def chain_of_signature(cose: bytes) -> tuple[bytes, ...]:
    """The certificates, DER, that came with a COSE signature, the leaf first; none if not found."""
    try:
        return _certificates(cose)
    except (ValueError, IndexError, RecursionError, UnicodeDecodeError):
        return ()


def payload_of_signature(cose: bytes) -> bytes:
    """What a COSE signature signs, where it holds that; else nothing."""
    try:
        signature, _ = _item(cose, 0, 0)
    except (ValueError, IndexError, RecursionError, UnicodeDecodeError):
        return b""
    whole = isinstance(signature, list) and len(signature) == 4
    return signature[2] if whole and isinstance(signature[2], bytes) else b""


def _piece(file: BinaryIO, start: int, limit: int) -> Piece:
    if start < 0:
        return Piece(0, None, False)
    before = min(start, _BOX_HEADER)
    file.seek(start - before)
    boxed = C2PA_UUID in file.read(before)
    size = int.from_bytes(file.read(4), "big")
    if not _BEFORE < size <= limit or file.read(4) != b"jumb":
        return Piece(start, None, boxed)
    file.seek(start)
    store = file.read(size)
    return Piece(start, store if len(store) == size else None, boxed)


def _chain(manifest: bytes) -> tuple[bytes, ...]:
    for found in _superboxes(manifest):
        if found.type != _SIGNATURE_TYPE:
            continue
        for kind, payload in _boxes(found.content):
            if kind == b"cbor":
                return _certificates(payload)
    return ()


def _certificates(cose: bytes) -> tuple[bytes, ...]:
    """COSE_Sign1 is [protected: bytes holding a map, unprotected: map, payload, signature]."""
    signature, _ = _item(cose, 0, 0)
    if not isinstance(signature, list) or len(signature) != 4:
        return ()
    protected, unprotected = signature[0], signature[1]
    headers = _item(protected, 0, 0)[0] if isinstance(protected, bytes) and protected else {}
    # In the header that nothing covers, c2pa heeds the old name alone: a chain put beside it must not pass for it. Of
    # two in the one that is signed it takes the first, others may take the second: nobody can say who signed.
    places = ((headers, _X5CHAIN), (headers, _OLD_X5CHAIN), (unprotected, _OLD_X5CHAIN))
    found = [header[key] for header, key in places if isinstance(header, dict) and key in header]
    if len(found) != 1:
        return ()
    chain = found[0][:MAX_CHAIN] if isinstance(found[0], list) else [found[0]]
    return tuple(chain) if all(isinstance(one, bytes) for one in chain) else ()


class _Superbox(NamedTuple):
    type: bytes
    label: str
    content: bytes


def _manifests(store: bytes) -> Iterator[_Superbox]:
    for found in _superboxes(store):
        if found.label == "c2pa":
            yield from _superboxes(found.content)


def _superboxes(data: bytes) -> Iterator[_Superbox]:
    """The JUMBF superboxes on this level."""
    for kind, content in _boxes(data):
        if kind != b"jumb":
            continue
        size = int.from_bytes(content[:4], "big")
        description = content[8:size]
        label = description[17:].split(b"\0", 1)[0].decode("utf-8")  # behind the UUID and the toggles
        yield _Superbox(description[:16], label, content[size:])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    for _ in range(MAX_BOXES):
        if position + 8 > len(data):
            return
        size, kind, header = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[position + 8 : position + 16], "big"), 16
        elif size == 0:
            size = len(data) - position
        if size < header or position + size > len(data):
            raise ValueError("a box is longer than what holds it")
        yield kind, data[position + header : position + size]
        position += size


def _item(data: bytes, position: int, depth: int) -> tuple[Any, int]:
    """One CBOR item and the position behind it. Tags are dropped, simple values and floats become None."""
    if depth > MAX_DEPTH:
        raise ValueError("CBOR is nested too deeply")
    major, extra = data[position] >> 5, data[position] & 31
    position += 1
    if extra < 24:
        value = extra
    elif extra <= 27:
        width = 1 << (extra - 24)
        value = int.from_bytes(data[position : position + width], "big")
        position += width
    elif extra == 31 and major in (2, 3, 4, 5):
        return _item_to_the_break(data, position, depth, major)
    else:
        raise ValueError("CBOR that is not well-formed")
    if major in (0, 1):
        return (value if major == 0 else -1 - value), position
    if major in (2, 3):
        raw = data[position : position + value]
        if len(raw) != value:
            raise ValueError("CBOR is cut short")
        return (raw if major == 2 else raw.decode("utf-8")), position + value
    if major == 6:
        return _item(data, position, depth + 1)
    if major == 7:
        return None, position
    if value > MAX_ITEMS:
        raise ValueError("CBOR holds too many items")
    if major == 4:
        items = []
        for _ in range(value):
            item, position = _item(data, position, depth + 1)
            items.append(item)
        return items, position
    entries = []
    for _ in range(2 * value):
        item, position = _item(data, position, depth + 1)
        entries.append(item)
    return _pairs(entries), position


def _item_to_the_break(data: bytes, position: int, depth: int, major: int) -> tuple[Any, int]:
    """What does not say its length, behind its first byte: some signers' libraries write maps and lists in this way."""
    items = []
    while data[position] != _BREAK:
        item, position = _item(data, position, depth + 1)
        items.append(item)
        if len(items) > 2 * MAX_ITEMS:
            raise ValueError("CBOR holds too many items")
    if major in (2, 3):
        kind = bytes if major == 2 else str
        if not all(isinstance(item, kind) for item in items):
            raise ValueError("CBOR that is not well-formed")
        return kind().join(items), position + 1
    return (items if major == 4 else _pairs(items)), position + 1


def _pairs(entries: list[Any]) -> dict[Any, Any]:
    """Keys and values in turn."""
    return {key: value for key, value in zip(entries[::2], entries[1::2], strict=True) if isinstance(key, int | str)}
