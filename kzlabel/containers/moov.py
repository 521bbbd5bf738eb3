"""The metadata inside a film's `moov`: iTunes items, QuickTime keys, user data texts and XMP, read and edited.

Written against ISO/IEC 14496-12, Apple's QuickTime File Format ("Metadata", "User Data") and what ffmpeg writes.
Works on the bytes of `moov`, a few kilobytes to a few megabytes; boxes that are not named stay byte for byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import LimitExceeded, UnreadableFile
from .base import Tag

AIGC = "AIGC"
MAX_CHILDREN = 100_000

_NAMES = {
    b"\xa9nam": "title",
    b"\xa9ART": "artist",
    b"\xa9alb": "album",
    b"\xa9cmt": "comment",
    b"\xa9day": "date",
    b"\xa9too": "encoder",
    b"\xa9swr": "encoder",
    b"\xa9gen": "genre",
    b"\xa9wrt": "composer",
    b"\xa9lyr": "lyrics",
    b"\xa9cpy": "copyright",
    b"\xa9des": "description",
    b"\xa9mak": "make",
    b"\xa9mod": "model",
    b"cprt": "copyright",
    b"desc": "description",
    b"ldes": "synopsis",
}
# Where a name goes when it is written as an iTunes item; the first one of each name above, except user data only.
_ONLY_USER_DATA = (b"\xa9swr", b"\xa9mak", b"\xa9mod", b"\xa9cpy", b"\xa9des")
_ITEMS = {name: id for id, name in reversed(_NAMES.items()) if id not in _ONLY_USER_DATA}
_MEAN = b"com.apple.iTunes"


@dataclass
class Box:
    """One box in memory. head: its own fields before the children; tail: bytes too few for a box (QuickTime's end).

    children is None for a box that is kept as it is, with its content in `body`.
    """

    type: bytes
    body: bytes = b""
    head: bytes = b""
    children: list[Box] | None = None
    tail: bytes = b""

    def render(self) -> bytes:
        content = self.body
        if self.children is not None:
            content = self.head + b"".join(child.render() for child in self.children) + self.tail
        return struct.pack(">I4s", len(content) + 8, self.type) + content

    def opened(self, name: str) -> Box:
        """The same box with its children apart. `meta` is a full box in ISO files and a plain one in QuickTime's."""
        if self.children is None:
            skip = 4 if self.type == b"meta" and self.body[4:8] != b"hdlr" else 0
            self.head = self.body[:skip]
            self.children, self.tail = _split(self.body[skip:], name)
        return self

    def add(self, box: Box, *, first: bool = False) -> None:
        """Add a child to an opened box."""
        self.children = [box, *(self.children or ())] if first else [*(self.children or ()), box]

    def child(self, type: bytes) -> Box | None:
        return next((box for box in self.children or () if box.type == type), None)


@dataclass(frozen=True)
class Found:
    """What the metadata boxes of a film hold."""

    tags: list[Tag] = field(default_factory=list)
    xmp: list[bytes] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)


def read_metadata(boxes: Sequence[Box], name: str) -> Found:
    """Read `udta` and `meta` boxes of a `moov`, and `XMP_` ones. A damaged one is told and hides no other."""
    found = Found()
    for box in boxes:
        try:
            if box.type == b"XMP_":
                found.xmp.append(box.body)
            elif box.type == b"meta":
                found.tags.extend(_meta_tags(box, name))
            elif box.type == b"udta":
                for child in box.opened(name).children or ():
                    if child.type == b"XMP_":
                        found.xmp.append(child.body)
                    elif child.type == b"meta":
                        found.tags.extend(_meta_tags(child, name))
                    elif child.type[:1] == b"\xa9":
                        found.tags.extend(_user_texts(child))
        except (UnreadableFile, LimitExceeded) as error:
            found.damage.append(str(error))
    return found


def edit_metadata(moov: Box, tags: Iterable[Tag], xmp: bytes | None, name: str, *, quicktime: bool) -> None:
    """Put tags into an opened `moov`, and the packet in place of an `XMP_` of the user data where one stands.

    A tag replaces items, keys and texts of its name. A name that stands as a QuickTime key stays one; AIGC becomes
    one (TC260-PG-20257A: `moov.udta.meta`, or `moov.meta` where iTunes items occupy the former); the others become
    iTunes items. Raises UnreadableFile when the boxes to be edited are malformed.
    """
    moov.opened(name)
    udta = moov.child(b"udta")
    if udta:
        udta.opened(name)
        if xmp is not None:
            for child in udta.children or ():
                child.body = xmp if child.type == b"XMP_" else child.body
    values: dict[str, list[str]] = {}
    for tag in tags:
        values.setdefault(tag.name, []).append(tag.value)
    for key in sorted(values, key=lambda key: key == AIGC):  # AIGC last: where it goes depends on the others
        _put(moov, key, values[key], name, quicktime=quicktime)


def _split(data: bytes, name: str) -> tuple[list[Box], bytes]:
    boxes: list[Box] = []
    place = 0
    while len(data) - place >= 8:
        size, type = struct.unpack_from(">I4s", data, place)
        header = 8
        if size == 1 and len(data) - place >= 16:
            (size,) = struct.unpack_from(">Q", data, place + 8)
            header = 16
        elif size == 0:
            if type == b"\0\0\0\0":
                break  # QuickTime's end of a list, and what follows it
            size = len(data) - place
        if size < header or place + size > len(data):
            raise UnreadableFile(f"{name}: a metadata box of the film is malformed")
        if len(boxes) >= MAX_CHILDREN:
            raise LimitExceeded(f"{name}: more than {MAX_CHILDREN} boxes in one list")
        boxes.append(Box(type, data[place + header : place + size]))
        place += size
    return boxes, data[place:]


def _handler(meta: Box) -> bytes:
    handler = meta.child(b"hdlr")
    return handler.body[8:12] if handler else b""


def _keys(meta: Box, name: str) -> list[bytes]:
    """The names in a `keys` box, namespace left off: item 1 is the first."""
    box = meta.child(b"keys")
    return [key.body for key in _split(box.body[8:], name)[0]] if box else []


def _meta_tags(meta: Box, name: str) -> list[Tag]:
    meta.opened(name)
    items = meta.child(b"ilst")
    if items is None:
        return []
    handler = _handler(meta)
    keys = _keys(meta, name)
    tags: list[Tag] = []
    for item in items.opened(name).children or ():
        index = int.from_bytes(item.type)
        if handler == b"mdta" or (keys and index <= len(keys)):
            if not 1 <= index <= len(keys):
                continue
            key = keys[index - 1].decode("utf-8", "replace")
            tags += [Tag(key, value, "QuickTime key") for value in _values(item, name)]
        elif item.type != b"covr":
            key = _item_name(item, name)
            place = "iTunes freeform" if item.type == b"----" else f"iTunes {item.type.decode('latin-1')}"
            tags += [Tag(key, value, place) for value in _values(item, name)]
    return tags


def _item_name(item: Box, name: str) -> str:
    if item.type != b"----":
        return _NAMES.get(item.type, item.type.decode("latin-1"))
    label = item.opened(name).child(b"name")
    return label.body[4:].decode("utf-8", "replace") if label else ""


def _values(item: Box, name: str) -> list[str]:
    """The texts in an item's `data` boxes; other types of value are passed over."""
    texts = []
    for data in item.opened(name).children or ():
        if data.type != b"data" or len(data.body) < 8:
            continue
        kind, value = int.from_bytes(data.body[1:4]), data.body[8:]
        if kind == 2:
            texts.append(value.decode("utf-16-be", "replace"))
        elif kind == 1 or (kind == 0 and item.type not in (b"trkn", b"disk", b"gnre")):
            texts.append(value.decode("utf-8", "replace"))
    return texts


def _user_texts(box: Box) -> list[Tag]:
    """QuickTime's international text list: size, language, text; iTunes-like writers put a `data` box instead."""
    key = _NAMES.get(box.type, box.type.decode("latin-1"))
    place = f"user data {box.type.decode('latin-1')}"
    if box.body[4:8] == b"data" and len(box.body) >= 16:
        return [Tag(key, box.body[16:].decode("utf-8", "replace"), place)]
    tags: list[Tag] = []
    start = 0
    while start + 4 <= len(box.body) and len(tags) < 100:  # as many languages as a text may have
        size = int.from_bytes(box.body[start : start + 2])
        text = box.body[start + 4 : start + 4 + size]
        codec = "utf-16" if text[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8"
        if text:
            tags.append(Tag(key, text.decode(codec, "replace").rstrip("\0"), place))
        start += 4 + size
    return tags


def _put(moov: Box, key: str, values: list[str], name: str, *, quicktime: bool) -> None:
    udta = moov.child(b"udta")
    metas = [box.child(b"meta") for box in (udta, moov) if box]
    present = [meta.opened(name) for meta in metas if meta]
    for meta in present:
        if _handler(meta) == b"mdta" and any(_same(known, key) for known in _keys(meta, name)):
            _put_key(meta, key, values, name)
            _drop_items(present, key, name)
            return
    _drop_items(present, key, name)
    if udta and udta.children:
        udta.children = [
            box for box in udta.children if box.type[:1] != b"\xa9" or _NAMES.get(box.type) != key.casefold()
        ]
    if udta is None:
        udta = Box(b"udta", children=[])
        moov.add(udta)
    inner = udta.child(b"meta")
    if inner and _handler(inner) == b"mdta":
        _put_key(inner, key, values, name)
    elif key == AIGC and not inner:
        inner = _new_meta(b"mdta", full=True)
        udta.add(inner, first=True)
        _put_key(inner, key, values, name)
    elif key == AIGC and not ((outer := moov.child(b"meta")) and _handler(outer.opened(name)) != b"mdta"):
        if outer is None:
            outer = _new_meta(b"mdta", full=not quicktime)
            moov.add(outer)
        _put_key(outer, key, values, name)
    else:
        if inner is None:
            inner = _new_meta(b"mdir", full=True)
            udta.add(inner, first=True)
        _put_item(inner, key, values, name)


def _same(known: bytes, key: str) -> bool:
    return known.decode("utf-8", "replace").casefold() == key.casefold()


def _drop_items(metas: Iterable[Box], key: str, name: str) -> None:
    for meta in metas:
        items = meta.child(b"ilst")
        if _handler(meta) != b"mdta" and items:
            items.opened(name)
            items.children = [i for i in items.children or () if _item_name(i, name).casefold() != key.casefold()]


def _put_key(meta: Box, key: str, values: list[str], name: str) -> None:
    box, items = _list_of(meta, b"keys"), _list_of(meta, b"ilst").opened(name)
    keys = _keys(meta, name)
    if not any(_same(known, key) for known in keys):
        keys.append(key.encode("utf-8", "replace"))
        count = len(keys)
        old = box.body[8:] if box.body else b""
        entry = struct.pack(">I4s", len(keys[-1]) + 8, b"mdta") + keys[-1]
        box.body = struct.pack(">II", 0, count) + old + entry
    index = next(number for number, known in enumerate(keys, 1) if _same(known, key))
    item = Box(index.to_bytes(4), b"".join(_data(value) for value in values))
    items.children = [*(child for child in items.children or () if child.type != item.type), item]


def _put_item(meta: Box, key: str, values: list[str], name: str) -> None:
    items = _list_of(meta, b"ilst").opened(name)
    data = b"".join(_data(value) for value in values)
    known = _ITEMS.get(key.casefold())
    if known is None:
        label = key.encode("utf-8", "replace")
        mean, title = Box(b"mean", bytes(4) + _MEAN).render(), Box(b"name", bytes(4) + label).render()
        item = Box(b"----", mean + title + data)
    else:
        item = Box(known, data)
    items.children = [*(items.children or ()), item]


def _data(value: str) -> bytes:
    return Box(b"data", struct.pack(">II", 1, 0) + value.encode("utf-8", "replace")).render()


def _list_of(meta: Box, type: bytes) -> Box:
    box = meta.child(type)
    if box is None:
        box = Box(type)
        children = meta.children or []
        # `keys` must stand before `ilst` for readers that go through once.
        place = next(
            (n for n, child in enumerate(children) if type == b"keys" and child.type == b"ilst"), len(children)
        )
        children.insert(place, box)
        meta.children = children
    return box


def _new_meta(handler: bytes, *, full: bool) -> Box:
    # mdir names its manufacturer "appl" (iTunes); the name is one empty string.
    owner = b"appl" if handler == b"mdir" else bytes(4)
    hdlr = Box(b"hdlr", bytes(8) + handler + owner + bytes(9))
    return Box(b"meta", head=bytes(4) if full else b"", children=[hdlr])
