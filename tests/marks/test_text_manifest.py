from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import encypher_c2pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kzlabel.containers import text_wrapper
from kzlabel.containers.text_carriers import CORRUPTED, MULTIPLE_ELEMENTS, base64_of
from kzlabel.declaration import Declaration
from kzlabel.disclosure.plan import DisclosureRecord, Form
from kzlabel.errors import SigningError
from kzlabel.evidence import AI, LayerEvidence, State
from kzlabel.limits import Limits
from kzlabel.marks import manifest
from kzlabel.marks.definition import definition
from kzlabel.marks.text_manifest import (
    Exclusion,
    Structure,
    embed,
    embeddable,
    locate,
    own_binding,
    read_evidence,
    read_text,
    remove,
    without_manifest,
)
from kzlabel.signing.development import DevelopmentSigner, development_signer
from kzlabel.trust import Trust
from kzlabel.trust.anchors import load_anchor

PLAIN, MARKDOWN, HTML = Structure.PLAIN, Structure.MARKDOWN, Structure.HTML
DECLARATION = Declaration()

TEXTS = {
    "ascii": "Hello\n",
    "no line end": "Сәлем, әлем",
    "windows": "Бірінші\r\nЕкінші\r\n",
    "classic mac": "a\rb\r",
    "trailing lines": "a\n\n\n",
    "byte order mark": "\ufeffСәлем\n",
    "decomposed at the end": "first line\ncafe\u0301\n",
    "emoji": "❤️ 🏳️‍🌈\n👍🏽️",
    "right to left": "שלום עולם\nمرحبا\n",
    "chinese with selectors": "葛󠄀城\n",
    "only a line end": "\n",
    "only a mark": "\ufeff",
    "combining at the start": "\u0301a\nb\n",
}
PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset=utf-8>
<title>t</title>
</head>
<body><p>Сәлем</p></body></html>
"""
PAGES = {
    "whole": PAGE,
    "windows": PAGE.replace("\n", "\r\n"),
    "on one line": PAGE.replace("\n", ""),
    "no head": "<!DOCTYPE html><title>t</title><p>x",
    "fragment": "<p>x",
    "byte order mark": "\ufeff" + PAGE,
    "xhtml": '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body/></html>',
    "upper case": PAGE.upper(),
}
DOCUMENTS = {
    "plain": "# Hi\n\nСәлем\n",
    "windows": "# Hi\r\n\r\nx\r\n",
    "no line end": "x",
    "front matter": "---\ntitle: x\n---\n# Hi\n",
    "byte order mark": "\ufeff# Hi\n",
    "decomposed": "cafe\u0301\n",
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def signer(keys: Path) -> DevelopmentSigner:
    return development_signer(keys)


@pytest.fixture(scope="module")
def root(signer: DevelopmentSigner, keys: Path) -> Path:
    return keys / "root.pem"


@pytest.fixture(scope="module")
def trust(root: Path) -> Trust:
    return Trust(anchors=(load_anchor(root),))


Signed = Callable[..., bytes]


@pytest.fixture(scope="module")
def signed(signer: DevelopmentSigner) -> Signed:
    def sign_text(text: str | bytes, structure: Structure = PLAIN, codec: str = "utf-8") -> bytes:
        record = DisclosureRecord(Form.LINE, DECLARATION.source, ("en",), ("AI",), "top")
        told = definition(DECLARATION, record, opened=False, fmt=str(structure))

        def sign(data: bytes, exclusions: tuple[Exclusion, ...], digest: bytes) -> bytes:
            ranges = [(one.start, one.length) for one in exclusions]
            return manifest.sign_detached(data, told, signer, exclusions=ranges, content_hash=digest)

        return embed(text if isinstance(text, bytes) else text.encode(codec), structure, sign)

    return sign_text


def fake_sign(data: bytes, exclusions: tuple[Exclusion, ...], digest: bytes) -> bytes:
    """A store of a length that depends on what is signed, so that it takes some rounds to settle."""
    return b"\x20" * 30 + str(exclusions).encode() + digest


def independent(data: bytes, structure: Structure, root: Path) -> tuple[str, list[str]]:
    report = encypher_c2pa.verify(
        data,
        str(structure),
        trust_pem=root.read_text(),
        no_default_trust=True,
        telemetry=False,
        online=False,
    )
    return report["validation_state"], [entry["code"] for entry in report["validation_results"]["failure"]]


def check(data: bytes, structure: Structure, trust: Trust) -> LayerEvidence:
    found = read_text(data, str(structure), trust=trust)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("structure", "text"),
    [(PLAIN, text) for text in TEXTS.values()]
    + [(MARKDOWN, text) for text in DOCUMENTS.values()]
    + [(HTML, text) for text in PAGES.values()],
    ids=[f"text {name}" for name in TEXTS] + [f"md {name}" for name in DOCUMENTS] + [f"html {name}" for name in PAGES],
)
def test_a_signed_text_verifies_here_and_elsewhere_and_gives_its_bytes_back(
    signed: Signed, trust: Trust, root: Path, structure: Structure, text: str
) -> None:
    data = signed(text, structure)
    found = check(data, structure, trust)
    assert found.state is State.VALID
    assert found.ai is AI.GENERATED
    assert "assertion.dataHash.match" in found.codes
    assert found.detail["signer"]["trusted"]
    located = locate(data, structure)
    assert [one.canonical for one in located] == [True]
    assert remove(data, located) == text.encode()
    if text.upper() != text and not text.startswith("\u0301"):
        assert independent(data, structure, root) == ("Trusted", [])


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_wrapper_in_utf_16_is_bound_to_the_same_bytes_as_in_utf_8(signed: Signed, trust: Trust, codec: str) -> None:
    text = "Hello, Сәлем 👍\r\n"
    data = signed(text, PLAIN, codec)
    assert check(data, PLAIN, trust).state is State.VALID
    assert remove(data, locate(data, PLAIN)) == text.encode(codec)
    converted = data.decode("utf-16-le" if codec == "utf-16" else codec).encode()
    assert check(converted, PLAIN, trust).state is State.VALID
    wide = "utf-16-le" if codec == "utf-16" else codec
    changed = data.replace("Hello".encode(wide), "Jello".encode(wide))
    assert changed != data
    assert check(changed, PLAIN, trust).state is State.TAMPERED


def test_normalising_a_text_does_not_break_its_binding(signed: Signed, trust: Trust) -> None:
    data = signed("first\ncafe\u0301 и\u0306\n")
    assert check(data, PLAIN, trust).state is State.VALID
    for form in ("NFC", "NFD"):
        assert check(unicodedata.normalize(form, data.decode()).encode(), PLAIN, trust).state is State.VALID


@pytest.mark.parametrize(
    ("structure", "text"), [(PLAIN, "some words\nmore\n"), (MARKDOWN, "some words\nmore\n"), (HTML, PAGE)]
)
def test_every_changed_added_or_removed_character_is_tampering(
    signed: Signed, trust: Trust, structure: Structure, text: str
) -> None:
    data = signed(text, structure)
    (found,) = locate(data, structure)
    start, end = found.span
    for at in [*range(start), *range(end, len(data))]:
        for flip in (0x01, 0x20, 0xFF):
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            assert check(changed, structure, trust).state is State.TAMPERED, (at, flip)
    for at in range(start, end, 97):
        changed = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        assert check(changed, structure, trust).state in (State.TAMPERED, State.INVALID), at
    assert check(b"x" + data, structure, trust).state is State.TAMPERED
    assert check(data[:start] + b"x" + data[start:], structure, trust).state is State.TAMPERED
    assert check(data[1:], structure, trust).state is State.TAMPERED


def is_no_longer_whole(found: LayerEvidence) -> bool:
    """Words around a labelled text make it a passage of theirs, other changes are tampering."""
    return found.state is State.TAMPERED or "text.partial" in found.codes


def test_text_behind_the_manifest_is_tampering(signed: Signed, trust: Trust) -> None:
    for structure, text in ((PLAIN, "words\n"), (MARKDOWN, "words\n"), (HTML, PAGE)):
        assert is_no_longer_whole(check(signed(text, structure) + b"more", structure, trust))


@pytest.mark.parametrize(("structure", "text"), [(PLAIN, "a\nb\n\nc\n"), (MARKDOWN, "a\nb\n\nc\n"), (HTML, PAGE)])
def test_other_line_ends_are_told_apart_from_other_words(
    signed: Signed, trust: Trust, structure: Structure, text: str
) -> None:
    unix, windows = signed(text, structure), signed(text.replace("\n", "\r\n"), structure)
    for changed in (unix.replace(b"\n", b"\r\n"), windows.replace(b"\r\n", b"\n"), unix + b"\n"):
        found = check(changed, structure, trust)
        assert found.state is State.TAMPERED
        assert "text.reflowed" in found.codes
    found = check(unix.replace(b"\n", b"\r\n").replace(b"t", b"T", 1) + b"!", structure, trust)
    assert "text.reflowed" not in found.codes


@pytest.mark.parametrize("ending", ["\n", ""])
@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_passage_in_a_longer_text_is_found_with_its_range(
    signed: Signed, trust: Trust, ending: str, mark: str, newline: str
) -> None:
    passage = f"[AI]\n\nБірінші абзац.\nЕкінші абзац.{ending}"
    pasted = signed(mark + passage).decode().removeprefix(mark).removesuffix("\n")
    before = "My own words.\n\n"
    page = (before + pasted + "\n\nMore of my own.\n").replace("\n", newline)
    found = check(page.encode(), PLAIN, trust)
    assert found.state is State.VALID
    assert "text.partial" in found.codes
    start, end = found.detail["passage"]
    assert page[start:end].replace("\r\n", "\n") == passage.removesuffix("\n")


def test_a_changed_passage_is_not_partial(signed: Signed, trust: Trust) -> None:
    page = b"Before.\n" + signed("Some words.\n").replace(b"Some", b"Same") + b"After.\n"
    found = check(page, PLAIN, trust)
    assert found.state is State.TAMPERED
    assert "text.partial" not in found.codes


def test_a_labelled_passage_in_a_labelled_text_leaves_the_whole_valid(signed: Signed, trust: Trust) -> None:
    whole = signed(b"Before.\n" + signed("Some words.\n") + b"After.\n")
    assert len(locate(whole, PLAIN)) == 2
    found = check(whole, PLAIN, trust)
    assert found.state is State.VALID
    assert "text.partial" not in found.codes
    assert "text.partial" in found.detail["others"][0]["codes"]
    broken = check(whole.replace(b"After", b"Later"), PLAIN, trust)
    assert broken.state is State.TAMPERED


def test_a_second_copy_of_the_wrapper_does_not_verify(signed: Signed, trust: Trust) -> None:
    data = signed("Some words.\n")
    (found,) = locate(data, PLAIN)
    carrier = data[slice(*found.span)]
    assert is_no_longer_whole(check(data + carrier, PLAIN, trust))


def test_bytes_hidden_in_the_wrapper_are_noticed(signed: Signed, trust: Trust) -> None:
    data = signed("Some words.\n")
    text = data.decode()
    (found,) = text_wrapper.find(text, max_store=1 << 20)
    assert found.store
    padding = text[found.start + 1 + 13 + len(found.store) : found.end]
    assert len(padding) >= 4
    swapped = text[: found.end - 4] + "\U000e0101" * 3 + text[found.end :]  # four of three bytes, three of four
    for changed in (swapped, text[: found.end] + "\ufe01" + text[found.end :]):
        evidence = check(changed.encode(), PLAIN, trust)
        assert evidence.state in (State.TAMPERED, State.INVALID)
        assert CORRUPTED in evidence.codes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'<script type="application/c2pa">', b'<script type="application/c2pa" id="hidden">'),
        (b'<script type="application/c2pa">', b'<script  type="application/c2pa">'),
        (b"<!-- -----BEGIN", b"<!--  -----BEGIN"),
        (b"-----END C2PA MANIFEST----- -->", b"-----END C2PA MANIFEST----- hidden -->"),
        (b"data:application/c2pa;base64,", b"data:application/c2pa;x=hidden;base64,"),
    ],
)
def test_bytes_hidden_around_a_store_are_never_valid(signed: Signed, trust: Trust, old: bytes, new: bytes) -> None:
    for structure, text in ((MARKDOWN, "words\n"), (HTML, PAGE)):
        data = signed(text, structure)
        if old in data:
            found = read_text(data.replace(old, new), str(structure), trust=trust)
            assert found is None or found.state is not State.VALID


def test_damaged_wrappers_are_invalid_and_hide_no_good_one(signed: Signed, trust: Trust) -> None:
    data = signed("Some words.\n")
    (found,) = locate(data, PLAIN)
    cut = data[: found.span[0] + 400].decode(errors="ignore").encode()
    evidence = check(cut, PLAIN, trust)
    assert evidence.state is State.INVALID
    assert CORRUPTED in evidence.codes
    stripped = data.replace("\ufeff".encode(), b"")
    assert check(stripped, PLAIN, trust).state is State.TAMPERED
    damaged = cut[found.span[0] :].decode()
    both = signed(f"a{damaged}b\n")
    assert check(both, PLAIN, trust).state is State.VALID


def test_a_manifest_at_an_address_is_reported_and_not_fetched(trust: Trust) -> None:
    page = b'<head><link rel="c2pa-manifest" href="https://127.0.0.1:9/a.c2pa"></head><p>x'
    document = b"# Hi\n<!-- -----BEGIN C2PA MANIFEST----- https://127.0.0.1:9/a.c2pa -----END C2PA MANIFEST----- -->"
    assert check(page, HTML, trust).state is State.REMOTE
    assert check(document, MARKDOWN, trust).state is State.REMOTE
    (found,) = locate(document, MARKDOWN)
    assert found.remote == "https://127.0.0.1:9/a.c2pa"


@pytest.mark.parametrize(
    "document",
    [
        b"Quoted: `-----BEGIN C2PA MANIFEST----- x -----END C2PA MANIFEST-----`\n",
        b"-----BEGIN C2PA MANIFEST-----\n",
        b"-----END C2PA MANIFEST----- -----BEGIN C2PA MANIFEST-----",
        b"<!-- -----BEGIN C2PA MANIFEST----- a\nb -----END C2PA MANIFEST----- -->",
        b"",
    ],
)
def test_delimiters_in_the_words_are_no_manifest(document: bytes) -> None:
    assert locate(document, MARKDOWN) == ()


def test_a_block_in_front_matter_is_read(signed: Signed, trust: Trust, signer: DevelopmentSigner) -> None:
    before, after = b"---\n", b"title: x\n---\n# Hi\n"
    told = definition(DECLARATION, None, opened=False, fmt="text/markdown")
    size = 4096
    while True:
        block = b"-----BEGIN C2PA MANIFEST-----\ndata:application/c2pa;base64,%s\n-----END C2PA MANIFEST-----\n"
        length = len(block) - 2 + 4 * ((size + 2) // 3)
        data = before + bytes(length) + after
        store = manifest.sign_detached(data, told, signer, exclusions=[(len(before), length)])
        if len(store) == size:
            break
        size = len(store)
    whole = before + block % base64_of(store).encode() + after
    assert check(whole, MARKDOWN, trust).state is State.VALID
    assert remove(whole, locate(whole, MARKDOWN)) == before + after


def test_a_manifest_among_quoted_ones_is_found(signed: Signed, trust: Trust) -> None:
    example = "<!-- -----BEGIN C2PA MANIFEST----- data:application/c2pa;base64,AAAA -----END C2PA MANIFEST----- -->"
    data = signed("```\n" + f"{example}\n" * 100 + "```\n", MARKDOWN)
    assert check(data, MARKDOWN, trust).state is State.VALID


def test_a_wrapper_in_markdown_is_read_too(signed: Signed, trust: Trust) -> None:
    assert check(signed("# Hi\n", PLAIN), MARKDOWN, trust).state is State.VALID


def test_a_script_in_a_comment_is_no_manifest() -> None:
    script = '<script type="application/c2pa">AAAA</script>'
    assert locate(f"<head><!-- {script} --></head><p>x".encode(), HTML) == ()
    assert locate(f"<head></head><body><textarea>{script}</textarea>".encode(), HTML) == ()


def test_two_manifests_in_a_page_are_named_as_such(signed: Signed) -> None:
    data = signed(signed(PAGE, HTML), HTML)
    assert [one.code for one in locate(data, HTML)] == [MULTIPLE_ELEMENTS] * 2


def test_texts_whose_encoding_cannot_hold_a_manifest_are_refused() -> None:
    for data, structure in (
        ("Привет".encode("cp1251"), PLAIN),
        ("# Қ".encode("utf-16"), MARKDOWN),
        (b"a\rb", MARKDOWN),
        ("<p>Қ".encode("utf-16"), HTML),
    ):
        assert not embeddable(data, structure)
        with pytest.raises(SigningError, match="sidecar"):
            embed(data, structure, fake_sign)


@pytest.mark.parametrize("structure", [MARKDOWN, HTML])
def test_eight_bit_texts_carry_a_manifest_in_ascii(signed: Signed, trust: Trust, structure: Structure) -> None:
    data = signed("<title>Привет</title><p>мир\n".encode("cp1251"), structure)
    assert check(data, structure, trust).state is State.VALID
    assert check(data.replace("м".encode("cp1251"), b"m"), structure, trust).state is State.TAMPERED


def test_a_length_that_never_settles_is_an_error() -> None:
    sizes = iter(range(100, 10_000))
    with pytest.raises(SigningError, match="settle"):
        embed(b"a", MARKDOWN, lambda *_: b"x" * next(sizes))


def test_the_binding_serves_a_parent(signed: Signed, trust: Trust) -> None:
    data = signed("Some words.\n")
    (found,) = locate(data, PLAIN)
    evidence = manifest.read(data, "text/plain", store=found.store, trust=trust, own_binding=own_binding(data, found))
    assert evidence is not None
    assert evidence.state is State.VALID


def test_stores_above_the_limit_are_not_decoded(signed: Signed, trust: Trust) -> None:
    found = read_text(signed("a\n"), "text/plain", trust=trust, limits=Limits(max_manifest_bytes=100))
    assert found is not None
    assert found.state is State.INVALID


@given(
    st.sampled_from([PLAIN, MARKDOWN, HTML]),
    st.text(
        alphabet=st.one_of(
            st.sampled_from("a \t\n\r\u0301\u0306и\ufeff\ufe0f<>-\"'hedbo!👍"), st.characters(codec="utf-8")
        ),
        max_size=60,
    ),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_embedding_and_removing_gives_every_text_back(structure: Structure, text: str) -> None:
    data = text.encode()
    if not embeddable(data, structure):
        return
    data = remove(data, locate(data, structure))
    whole = embed(data, structure, fake_sign)
    found = [one for one in locate(whole, structure) if one.canonical]
    assert len(found) == 1
    assert remove(whole, tuple(found)) == data


@pytest.fixture(scope="module")
def golden(signed: Signed) -> dict[Structure, bytes]:
    return {structure: signed(PAGE if structure is HTML else "# Some words.\n", structure) for structure in Structure}


@given(st.integers(0, 10_000), st.integers(0, 2), st.binary(min_size=1, max_size=8))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_raises_and_no_changed_word_verifies(
    golden: dict[Structure, bytes], trust: Trust, at: int, kind: int, junk: bytes
) -> None:
    structure = [PLAIN, MARKDOWN, HTML][kind]
    data = golden[structure]
    at %= len(data)
    changed = data[:at] + junk + data[at + len(junk) :]
    found = read_text(changed, str(structure), trust=trust)
    if found is not None and found.state is State.VALID and "text.partial" not in found.codes:
        # C2PA leaves a few bytes of the store's own frame unsigned; the words are never among them.
        assert remove(changed, locate(changed, structure)) == remove(data, locate(data, structure))


def test_a_lost_byte_order_mark_is_no_passage(signed: Signed, trust: Trust) -> None:
    found = check(signed("\ufeffSome words.\n").removeprefix(b"\xef\xbb\xbf"), PLAIN, trust)
    assert found.state is State.TAMPERED
    assert "text.reflowed" in found.codes


def test_a_quoted_block_stays_when_the_text_is_labelled_anew(signed: Signed, trust: Trust) -> None:
    example = b"<!-- -----BEGIN C2PA MANIFEST----- data:application/c2pa;base64,AAAA -----END C2PA MANIFEST----- -->"
    text = b"```\n" + example + b"\n```\n"
    data = signed(text, MARKDOWN)
    assert without_manifest(data, MARKDOWN) == text
    passages = b"One.\n" + signed("Two.\n") + b"Three.\n"
    assert without_manifest(signed(passages), PLAIN) == passages
    assert without_manifest(signed("Two.\n"), PLAIN) == b"Two.\n"
    assert without_manifest(signed(PAGE, HTML), HTML) == PAGE.encode()


def test_the_manifest_that_decides_is_handed_back_with_its_evidence(signed: Signed, trust: Trust) -> None:
    whole = signed(b"One.\n" + signed("Two.\n") + b"Three.\n")
    evidence, located = read_evidence(whole, "text/plain", trust=trust)
    assert evidence is not None
    assert located == locate(whole, PLAIN)[1]
    assert read_evidence(b"words", "text/plain") == (None, None)
