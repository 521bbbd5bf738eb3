"""The signer's certificate inside a store."""

from __future__ import annotations

import cbor2
import pytest

from kzlabel.marks.store import MAX_ITEMS, chain_of_signature

LEAF, OTHER = b"the leaf", b"another"


def signature(protected: bytes, unprotected: dict[object, object] | None = None) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected or {}, None, b"signed"]))


@pytest.mark.parametrize(
    "protected",
    [
        cbor2.dumps({1: -7, 33: [LEAF, OTHER]}),
        b"\xbf" + b"\x01\x26" + b"\x18\x21" + cbor2.dumps([LEAF, OTHER]) + b"\xff",
        b"\xa1\x18\x21\x9f" + cbor2.dumps(LEAF) + cbor2.dumps(OTHER) + b"\xff",
        b"\xa1\x18\x21\x82" + b"\x5f\x44the \x44leaf\xff" + cbor2.dumps(OTHER),
    ],
    ids=["lengths told", "map to the break", "list to the break", "bytes in pieces"],
)
def test_the_chain_is_found_however_its_length_is_told(protected: bytes) -> None:
    assert chain_of_signature(signature(protected)) == (LEAF, OTHER)


@pytest.mark.parametrize("header", [{33: LEAF, "x5chain": OTHER}, {"x5chain": LEAF, 33: OTHER}])
def test_of_two_chains_that_are_signed_none_is_taken(header: dict[object, object]) -> None:
    assert chain_of_signature(signature(cbor2.dumps(header))) == ()


def test_a_chain_in_both_headers_is_none() -> None:
    assert chain_of_signature(signature(cbor2.dumps({33: LEAF}), {"x5chain": OTHER})) == ()


@pytest.mark.parametrize(
    "protected",
    [
        b"\xa1\x18\x21\x9f",  # no break
        b"\xa1\x18\x21\x5f\x01\xff",  # a number among the pieces
        b"\xbf\x18\x21\xff",  # a key without a value
        b"\x9f" * 2000,
        b"\x9f" + b"\0" * (2 * MAX_ITEMS + 2) + b"\xff",
        b"\xff",
    ],
)
def test_what_is_not_well_formed_holds_no_chain(protected: bytes) -> None:
    assert chain_of_signature(signature(protected)) == ()
