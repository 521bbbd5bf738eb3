from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from kzlabel.errors import InputError, LimitExceeded, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS
from kzlabel.marks import xmp

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SOURCE = xmp.Property(xmp.IPTC, "DigitalSourceType")
SUBJECT = xmp.Property(xmp.DC, "subject")
IDENTIFIER = xmp.Property(xmp.XMP, "Identifier")
PUBLISHER = xmp.Property(xmp.DC, "publisher")
URI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def packet(inside: str, *, about: str = "", attributes: str = "") -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="{about}" '
        f'xmlns:dc="{xmp.DC}" xmlns:Iptc4xmpExt="{xmp.IPTC}" xmlns:xmp="{xmp.XMP}" {attributes}>{inside}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def parse(data: bytes, **limits: int) -> xmp.Packet:
    return xmp.parse(data, replace(DEFAULT_LIMITS, **limits))


@pytest.mark.parametrize(
    "data",
    [
        packet(f"<Iptc4xmpExt:DigitalSourceType>{URI}</Iptc4xmpExt:DigitalSourceType>"),
        packet("", attributes=f'Iptc4xmpExt:DigitalSourceType="{URI}"'),
        packet(f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{URI}"/>'),
        packet(f"<Iptc4xmpExt:DigitalSourceType> {URI}\n</Iptc4xmpExt:DigitalSourceType>"),
        packet(f"<Iptc4xmpExt:DigitalSourceType><!-- so -->{URI}</Iptc4xmpExt:DigitalSourceType>"),
        packet(
            f"<Iptc4xmpExt:DigitalSourceType><rdf:Bag><rdf:li>{URI}</rdf:li></rdf:Bag></Iptc4xmpExt:DigitalSourceType>"
        ),
        packet(
            '<Iptc4xmpExt:DigitalSourceType><rdf:Alt><rdf:li xml:lang="x-default">'
            f"{URI}</rdf:li></rdf:Alt></Iptc4xmpExt:DigitalSourceType>"
        ),
        packet(
            '<Iptc4xmpExt:DigitalSourceType rdf:parseType="Resource"><rdf:value>'
            f"{URI}</rdf:value></Iptc4xmpExt:DigitalSourceType>"
        ),
        packet("", attributes=f'Iptc4xmpExt:DigitalSourceType="{URI}"').decode().encode("utf-16"),
        packet("", attributes=f'Iptc4xmpExt:DigitalSourceType="{URI}"').decode().encode("utf-16-be"),
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-7"?>'
        + packet("", attributes=f'Iptc4xmpExt:DigitalSourceType="{URI}"')
        + b"\0\0",
        b'<?xpacket begin="" id="W5M0"?>'
        + packet("", attributes=f'Iptc4xmpExt:DigitalSourceType="{URI}"')
        + b'   \n<?xpacket end="w"?>\0',
    ],
)
def test_a_property_is_found_in_every_form(data: bytes) -> None:
    assert parse(data).values(SOURCE) == (URI,)


def test_a_property_of_a_nested_resource_is_not_the_works_own() -> None:
    inside = f"<Iptc4xmpExt:DigitalSourceType>{URI}</Iptc4xmpExt:DigitalSourceType>"
    nested = f'<xmp:History rdf:parseType="Resource">{inside}</xmp:History>'
    assert parse(packet(nested)).values(SOURCE) == ()


def test_a_new_packet_has_a_wrapper_padding_and_the_values() -> None:
    data = xmp.create({SOURCE: xmp.Text(URI), PUBLISHER: xmp.Listed("ЖШС «Дала» & <Co>")})
    assert data.startswith(b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    assert data.endswith(b'<?xpacket end="w"?>')
    assert data.count(b" ") > 2000
    assert parse(data).values(SOURCE) == (URI,)
    assert parse(data).values(PUBLISHER) == ("ЖШС «Дала» & <Co>",)


def test_merging_keeps_everything_that_is_not_named() -> None:
    before = packet(
        "<!-- by hand --><dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>"
        '<own:thing xmlns:own="urn:own" own:kept="yes">text</own:thing>',
        attributes='dc:format="image/jpeg" Iptc4xmpExt:DigitalSourceType="old"',
        about="uuid:1",
    )
    after = parse(before).merged({SOURCE: xmp.Text(URI), PUBLISHER: xmp.Listed("Somebody")})
    assert parse(after).values(SOURCE) == (URI,)
    assert parse(after).values(SUBJECT) == ("sea",)
    root = etree.fromstring(after)
    assert root.find(".//{urn:own}thing").get("{urn:own}kept") == "yes"
    assert "by hand" in after.decode()
    assert {each.get(f"{{{RDF}}}about") for each in root.iter(f"{{{RDF}}}Description")} == {"uuid:1"}
    assert after.count(b"<x:xmpmeta") == 1


def test_merging_the_same_again_changes_nothing() -> None:
    values: dict[xmp.Property, xmp.Value] = {SOURCE: xmp.Text(URI), IDENTIFIER: xmp.Listed("1", "kzlabel")}
    once = parse(packet("")).merged(values)
    assert parse(once).merged(values) == once


def test_only_the_item_of_the_same_scheme_is_replaced() -> None:
    others = "<xmp:Identifier><rdf:Bag><rdf:li>urn:isbn:1</rdf:li></rdf:Bag></xmp:Identifier>"
    data = packet(others)
    for value in ("one", "two"):
        data = parse(data).merged({IDENTIFIER: xmp.Listed(value, "kzlabel")})
    assert parse(data).values(IDENTIFIER) == ("urn:isbn:1", "two")
    assert parse(data).schemed(IDENTIFIER, "kzlabel") == ("two",)


def test_a_simple_value_where_a_list_belongs_becomes_its_first_item() -> None:
    data = parse(packet("", attributes='dc:publisher="First"')).merged({PUBLISHER: xmp.Listed("Second")})
    assert parse(data).values(PUBLISHER) == ("First", "Second")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot be parsed"),
        (b"no xml at all", "cannot be parsed"),
        (packet("")[:-9], "cannot be parsed"),
        (b"<x/>", "no rdf:RDF"),
        (b"\xff\xfe\xff", "not valid UTF-16"),
        (b"<a>\xff</a>", "not valid UTF-8"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + packet("&b;"), "document type"),
        (('<!DOCTYPE a SYSTEM "file:///etc/hostname">' + packet("").decode()).encode("utf-16"), "document type"),
    ],
)
def test_what_is_no_packet_is_unreadable(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        parse(data)


def test_size_count_and_nesting_are_bounded() -> None:
    for data, limits in (
        (packet("<dc:a/>" * 100), {"max_boxes": 50}),
        (packet("<dc:a>" * 40 + "</dc:a>" * 40), {}),
        (packet("x" * 1000), {"max_slot_bytes": 900}),
    ):
        with pytest.raises(LimitExceeded):
            parse(data, **limits)


BASE = packet("<dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>")
BROKEN = st.builds(
    lambda place, noise: BASE[:place] + noise + BASE[place + len(noise) :],
    st.integers(0, len(BASE)),
    st.binary(min_size=1, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), BROKEN))
def test_only_our_own_errors_leave_a_broken_packet(data: bytes) -> None:
    try:
        found = parse(data)
    except InputError:
        return
    found.values(SUBJECT)
    parse(found.merged({SOURCE: xmp.Text(URI), IDENTIFIER: xmp.Listed("1", "kzlabel")}))
