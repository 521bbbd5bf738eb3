"""XMP packets (ISO 16684-1): parsed within bounds, read for a few properties, merged into, created.

An existing packet is never replaced: all that it holds stays, and there is never a second one.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits

if TYPE_CHECKING:
    from lxml.etree import _Element

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
META = "adobe:ns:meta/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"
QUALIFIER = "http://ns.adobe.com/xmp/Identifier/qual/1.0/"
DC = "http://purl.org/dc/elements/1.1/"
TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"
TDM = "http://www.w3.org/ns/tdmrep/"

PREFIXES: Mapping[str, str] = {
    IPTC: "Iptc4xmpExt",
    PLUS: "plus",
    XMP: "xmp",
    QUALIFIER: "xmpidq",
    DC: "dc",
    TC260: "TC260",
    TDM: "tdm",
}

# ISO 16684-1, 7.3.2 recommends 2 KB to 4 KB of white space, so that a later edit need not move the rest of the file.
PADDING = 2048
MAX_VALUES = 64  # values of one property that are looked at

_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '<?xpacket end="w"?>'
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SHAPES = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))


class Property(NamedTuple):
    """A property by its namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{PREFIXES.get(self.namespace, '?')}:{self.name}"

    @property
    def tag(self) -> str:
        """As lxml writes it."""
        return f"{{{self.namespace}}}{self.name}"


SCHEME = Property(QUALIFIER, "Scheme")


@dataclass(frozen=True)
class Text:
    """A simple value that replaces the property."""

    value: str


@dataclass(frozen=True)
class Listed:
    """One item of an unordered list: takes the place of items of the same scheme; others stay.

    scheme: the xmpidq:Scheme qualifier, None for an item without one.
    """

    value: str
    scheme: str | None = None


Value = Text | Listed


class Packet:
    """One parsed packet. `parse` is the way to get one."""

    def __init__(self, root: _Element, rdf: _Element) -> None:
        self._root = root
        self._rdf = rdf

    def values(self, wanted: Property) -> tuple[str, ...]:
        """All values of a property of the resource itself, whatever form it is written in; none of nested resources."""
        found: list[str] = []
        for description in self._descriptions():
            if (attribute := description.get(wanted.tag)) is not None:
                found.append(attribute.strip())
            for element in description.iterchildren(wanted.tag):
                found += _flat(element)
        return tuple(value for value in found[:MAX_VALUES] if value)

    def schemed(self, wanted: Property, scheme: str) -> tuple[str, ...]:
        """The values of a list's items that carry this xmpidq:Scheme."""
        items = (item for element in self._elements(wanted) for item in element.iter(f"{{{RDF}}}li"))
        return tuple(value for item in items if _scheme(item) == scheme for value in _flat(item))

    def merged(self, values: Mapping[Property, Value]) -> bytes:
        """This packet with the values put in, in its wrapper, UTF-8. The object itself is changed, too."""
        fresh: dict[Property, Text | tuple[Listed, ...]] = {}
        for wanted, value in values.items():
            if self._put(wanted, value) if isinstance(value, Text) else self._put_into_list(wanted, value):
                continue
            if isinstance(value, Text):
                fresh[wanted] = value
            else:  # simple values, where a list belongs, become its first items
                fresh[wanted] = (*(Listed(earlier) for earlier in self.values(wanted)), value)
                self._remove(wanted)
        if fresh:
            about = next((each.get(f"{{{RDF}}}about") for each in self._descriptions()), None)
            self._rdf.append(_description(fresh, about or ""))
        return _wrapped(self._root)

    def _descriptions(self) -> Sequence[_Element]:
        return self._rdf.findall(f"{{{RDF}}}Description")

    def _elements(self, wanted: Property) -> Iterator[_Element]:
        for description in self._descriptions():
            yield from description.findall(wanted.tag)

    def _remove(self, wanted: Property, *, but: _Element | None = None) -> None:
        for description in self._descriptions():
            description.attrib.pop(wanted.tag, "")
            for element in description.findall(wanted.tag):
                if element is not but:
                    description.remove(element)

    def _put(self, wanted: Property, value: Text) -> bool:
        """Whether the property was there to take the value; where it is there several times, once is kept."""
        for description in self._descriptions():
            element = description.find(wanted.tag)
            if wanted.tag not in description.attrib and element is None:
                continue
            self._remove(wanted, but=element)
            if element is None:
                description.set(wanted.tag, value.value)
            else:
                tail = element.tail
                element.clear()
                element.text, element.tail = value.value, tail
            return True
        return False

    def _put_into_list(self, wanted: Property, value: Listed) -> bool:
        """Whether there was a list to put it into."""
        for element in self._elements(wanted):
            for array in _children(element):
                if array.tag not in (f"{{{RDF}}}Bag", f"{{{RDF}}}Seq"):
                    continue
                for item in _children(array):
                    if _scheme(item) == value.scheme if value.scheme else value.value in _flat(item):
                        array.remove(item)
                array.append(_item(value))
                return True
        return False


def parse(data: bytes, limits: Limits) -> Packet:
    """Read one packet: no document type, no entities, no outside references, bounded size, count and nesting.

    Raises UnreadableFile, LimitExceeded; the message does not name the file.
    """
    from lxml import etree

    if len(data) > limits.max_slot_bytes:
        raise LimitExceeded(f"the XMP packet has {len(data)} bytes, the limit is {limits.max_slot_bytes}")
    text = _decoded(data)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnreadableFile("the XMP packet declares a document type, which XMP never has")
    if text.count("<") + text.count("=") > limits.max_boxes:
        raise LimitExceeded(f"the XMP packet holds more than {limits.max_boxes} elements and attributes")
    # The declared encoding is overruled: the text was decoded above, strictly.
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        words = (str(error).splitlines() or ["not well-formed"])[0][:120]
        raise UnreadableFile(f"the XMP packet cannot be parsed ({words})") from None
    _check_nesting(root, limits)
    rdf = root if root.tag == f"{{{RDF}}}RDF" else root.find(f"{{{RDF}}}RDF")
    if rdf is None:
        raise UnreadableFile("the XMP packet holds no rdf:RDF")
    return Packet(root, rdf)


def create(values: Mapping[Property, Value]) -> bytes:
    """A new packet with these values."""
    from lxml import etree

    root = etree.Element(f"{{{META}}}xmpmeta", nsmap={"x": META})
    rdf = etree.SubElement(root, f"{{{RDF}}}RDF", nsmap={"rdf": RDF})
    return Packet(root, rdf).merged(values)


def _decoded(data: bytes) -> str:
    encoding = next((encoding for mark, encoding in _BOMS if data.startswith(mark)), None)
    encoding = encoding or next((encoding for shape, encoding in _SHAPES if data.startswith(shape)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableFile(f"the XMP packet is not valid {encoding.upper()}") from None
    text = text.strip("\ufeff\0 \r\n\t")
    return text.partition("?>")[2].lstrip() if text.startswith("<?xml ") else text


def _check_nesting(root: _Element, limits: Limits) -> None:
    from lxml import etree

    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limits.max_nesting:
            raise LimitExceeded(f"the XMP packet nests deeper than {limits.max_nesting} elements")


def _flat(element: _Element) -> list[str]:
    """The values below a property: its text, its rdf:resource, its rdf:value, or the items of its list."""
    for name in ("resource", "value"):
        if (value := element.get(f"{{{RDF}}}{name}")) is not None:
            return [value.strip()]
    children = _children(element)
    if not children:
        return ["".join((element.text or "", *(each.tail or "" for each in element))).strip()]
    found: list[str] = []
    for child in children:
        if child.tag in (f"{{{RDF}}}Alt", f"{{{RDF}}}Seq", f"{{{RDF}}}Bag"):
            found += [value for item in _children(child) for value in _flat(item)]
        elif child.tag in (f"{{{RDF}}}Description", f"{{{RDF}}}value"):
            found += _flat(child)
    return found


def _children(element: _Element) -> list[_Element]:
    """The elements inside, without comments and processing instructions."""
    return [each for each in element if isinstance(each.tag, str)]


def _scheme(item: _Element) -> str | None:
    for each in (item, *item.findall(f"{{{RDF}}}Description")):
        if scheme := each.get(SCHEME.tag) or each.findtext(SCHEME.tag):
            return scheme.strip()
    return None


def _description(values: Mapping[Property, Text | tuple[Listed, ...]], about: str) -> _Element:
    from lxml import etree

    spaces: dict[str, str] = {PREFIXES[wanted.namespace]: wanted.namespace for wanted in values}
    description = etree.Element(f"{{{RDF}}}Description", nsmap={"rdf": RDF, **spaces})
    description.set(f"{{{RDF}}}about", about)
    for wanted, value in values.items():
        element = etree.SubElement(description, wanted.tag)
        if isinstance(value, Text):
            element.text = value.value
        else:
            etree.SubElement(element, f"{{{RDF}}}Bag").extend(_item(each) for each in value)
    return description


def _item(value: Listed) -> _Element:
    from lxml import etree

    item = etree.Element(f"{{{RDF}}}li", nsmap={"rdf": RDF})
    if value.scheme is None:
        item.text = value.value
        return item
    item.set(f"{{{RDF}}}parseType", "Resource")
    etree.SubElement(item, f"{{{RDF}}}value").text = value.value
    etree.SubElement(item, SCHEME.tag, nsmap={PREFIXES[QUALIFIER]: QUALIFIER}).text = value.scheme
    return item


def _wrapped(root: _Element) -> bytes:
    from lxml import etree

    line = " " * 63 + "\n"
    padding = line * (PADDING // len(line))
    return f"{_HEAD}{etree.tostring(root, encoding='unicode')}\n{padding}{_TAIL}".encode()
