"""The Soft Binding Resolution API, spoken to by hand: shapes, refusals, bounds."""

from __future__ import annotations

import io
import socket
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from PIL import Image

from kzlabel import Declaration, Labeller, LabelOptions, Source
from kzlabel.marks.soft_binding import ALGORITHM, value_of
from kzlabel.marks.store import active_label
from kzlabel.registry import State
from kzlabel.registry.entry import UNKNOWN_FILE
from kzlabel.registry.place import named
from kzlabel.registry.store import initialise
from kzlabel.signing import Signer
from kzlabel.signing.development import development_signer

from ..registry.works import signed
from ..watermark.test_image import scene
from .conftest import BEARER, Served
from .serving import serving

C2PA = "application/c2pa"
BEGUN = b"POST /matches/byContent HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\nx"


def query(identifier: str, **more: object) -> str:
    asked = {"alg": ALGORITHM, "value": value_of(identifier), **more}
    return "/matches/byBinding?" + "&".join(f"{name}={quote(str(value), safe='')}" for name, value in asked.items())


def registered(served: Served, signer: Signer) -> tuple[str, str, bytes]:
    """Identifier, name and store of a manifest that is confirmed."""
    entry, store = signed(signer)
    served.registry.register(entry, store, State.CONFIRMED)
    assert entry.manifest_id is not None
    return entry.identifier, entry.manifest_id, store


def test_a_binding_leads_to_its_manifest_by_get_and_post(served: Served, signer: Signer) -> None:
    identifier, name, store = registered(served, signer)
    wanted = {"matches": [{"manifestId": name, "similarityScore": 100, "org.kzlabel.enrolled": True}]}
    told = served.ask("GET", query(identifier))
    assert (told.status, told.type, told.json) == (200, "application/json", wanted)
    assert served.send("/matches/byBinding", {"alg": ALGORITHM, "value": value_of(identifier)}).json == wanted
    assert served.ask("GET", query("f" * 12)).json == {"matches": []}
    fetched = served.ask("GET", f"/manifests/{quote(name, safe='')}")
    assert (fetched.status, fetched.type, fetched.body) == (200, C2PA, store)
    assert served.ask("GET", "/services/supportedAlgorithms").json == {
        "watermarks": [{"alg": ALGORITHM}], "fingerprints": [], "org.kzlabel.fingerprints": True
    }  # fmt: skip


def test_no_more_results_than_asked_for(served: Served, signer: Signer) -> None:
    for _ in range(3):
        served.registry.register(*signed(signer, "abcdefabcdef"), State.CONFIRMED)
    assert len(served.ask("GET", query("abcdefabcdef")).json["matches"]) == 3
    assert len(served.ask("GET", query("abcdefabcdef", maxResults=2)).json["matches"]) == 2


def test_a_manifest_is_pending_until_its_binding_comes(served: Served, signer: Signer) -> None:
    entry, store = signed(signer)
    for _ in range(2):  # twice is once
        told = served.ask("POST", "/manifests", store, Content_Type=C2PA, **BEARER)
        assert (told.status, told.json) == (200, {"manifestId": entry.manifest_id})
    assert served.ask("GET", query(entry.identifier)).json == {"matches": []}
    strange = served.send("/bindings", {"bindingValue": value_of("f" * 12), "manifestId": entry.manifest_id}, **BEARER)
    assert strange.status == 400
    binding = {"bindingValue": value_of(entry.identifier), "manifestId": entry.manifest_id}
    assert [served.send("/bindings", binding, **BEARER).status for _ in range(2)] == [204, 204]
    assert [match["manifestId"] for match in served.ask("GET", query(entry.identifier)).json["matches"]] == [
        entry.manifest_id
    ]
    (kept,) = served.registry.find(entry.identifier)
    assert (kept.state, kept.entry.sha256, kept.entry.signer) == (State.CONFIRMED, UNKNOWN_FILE, signer.fingerprint)
    unknown = served.send("/bindings", {**binding, "manifestId": "urn:c2pa:nobody"}, **BEARER)
    assert unknown.status == 404


def test_only_manifests_that_verify_by_who_is_enrolled_are_taken(
    served: Served, signer: Signer, tmp_path: Path
) -> None:
    stranger = development_signer(tmp_path / "keys")
    entry, store = signed(signer)
    at = store.rindex(b"c2pa.signature") + 400
    broken = store[:at] + bytes([store[at] ^ 1]) + store[at + 1 :]
    _, others = signed(stranger)
    before = served.registry.count()
    for content, headers, status in (
        (store, {"Content_Type": C2PA}, 401),
        (store, {"Content_Type": C2PA, "Authorization": "Bearer wrong"}, 401),
        (store, {"Content_Type": C2PA, "Authorization": BEARER["Authorization"].replace("Bearer", "Basic")}, 401),
        (store, {"Content_Type": "image/png", **BEARER}, 400),
        (broken, {"Content_Type": C2PA, **BEARER}, 400),
        (b"", {"Content_Type": C2PA, **BEARER}, 400),
        (b"<html>", {"Content_Type": C2PA, **BEARER}, 400),
        (others, {"Content_Type": C2PA, **BEARER}, 403),
    ):
        told = served.ask("POST", "/manifests", content, **headers)
        assert (told.status, list(told.json)) == (status, ["error"]), told.body
    assert served.registry.count() == before
    assert served.registry.issue(entry.identifier, signer.fingerprint) is None
    served.registry.enrol(stranger.fingerprint)
    mine = signed(stranger, entry.identifier)[1]
    assert served.ask("POST", "/manifests", mine, Content_Type=C2PA, **BEARER).status == 409
    assert served.send("/bindings", {"bindingValue": "", "manifestId": ""}).status == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/matches/byBinding", 400),
        (query("a" * 12).replace(ALGORITHM, "com.example.other"), 400),
        (f"/matches/byBinding?alg={ALGORITHM}&value=%00%ff", 400),
        (f"/matches/byBinding?alg={ALGORITHM}&value=YQ==", 400),
        (query("a" * 12, maxResults=0), 400),
        (query("a" * 12, maxResults="9" * 40), 400),
        (query("a" * 12, x="y" * 3000), 414),
        ("/manifests/urn:c2pa:nobody", 404),
        ("/manifests/" + "x" * 300, 400),
        ("/manifests/%0a", 400),
        ("/manifests/urn:c2pa:nobody?returnActiveManifest=perhaps", 400),
        ("/manifests", 405),
        ("/bindings", 405),
        ("/org.kzlabel.fingerprints/urn:c2pa:nobody", 404),
        ("/nowhere", 404),
        ("/../etc/passwd", 404),
    ],
)
def test_a_refusal_is_json_and_says_why(served: Served, path: str, status: int) -> None:
    told = served.ask("GET", path)
    assert (told.status, told.type, list(told.json)) == (status, "application/json", ["error"])


def test_only_fingerprints_that_the_manifest_states_are_taken(served: Served, signer: Signer) -> None:
    _, name, _ = registered(served, signer)
    path = f"/org.kzlabel.fingerprints/{name}"
    assert served.send(path, {}).status == 401
    for values in ({}, {"fingerprints": [1]}, {"fingerprints": [{"algorithm": "x", "data": "eA=="}]}):
        assert served.send(path, values, **BEARER).status == 400
    assert served.ask("GET", path).json == {"fingerprints": []}
    unknown = {"fingerprints": [{"algorithm": "x", "data": "eA=="}]}
    assert served.send("/org.kzlabel.fingerprints/urn:c2pa:nobody", unknown, **BEARER).status == 404


def test_malformed_json_is_refused(served: Served) -> None:
    for body in (b"", b"[]", b"{", b"[" * 60_000, b"\xff", b'{"alg": 1, "value": {}}'):
        assert served.ask("POST", "/matches/byBinding", body).status == 400
    assert served.ask("POST", "/matches/byBinding", b"x" * 70_000).status == 413


def test_the_active_manifest_comes_alone_if_asked_for(served: Served, tmp_path: Path) -> None:
    """Of a work that was made from a labelled one, whose manifest stands beside its own."""
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "first.png")
    url = f"sqlite:///{served.registry.place.file}"
    labeller = Labeller(LabelOptions(registry=url, keys=tmp_path / "keys", watermark=False))
    first = labeller.label(tmp_path / "first.png")
    second = labeller.label(first.output, tmp_path / "second.png", declaration=Declaration(source=Source.MODIFIED))
    whole = served.ask("GET", f"/manifests/{second.manifest_id}").body
    alone = served.ask("GET", f"/manifests/{second.manifest_id}?returnActiveManifest=true").body
    assert len(alone) < len(whole)
    assert active_label(alone) == active_label(whole) == second.manifest_id
    assert alone.count(b"c2pa.claim.v2\0") == 1


def test_content_leads_to_its_manifest(served: Served, tmp_path: Path) -> None:
    url = f"sqlite:///{served.registry.place.file}"
    Image.fromarray(scene(512, 512)).save(tmp_path / "picture.png")
    labelled = Labeller(LabelOptions(registry=url, keys=tmp_path / "keys")).label(tmp_path / "picture.png")
    stripped = io.BytesIO()
    Image.open(labelled.output).convert("RGB").save(stripped, "JPEG", quality=80)
    told = served.ask("POST", "/matches/byContent", stripped.getvalue(), Content_Type="image/jpeg")
    assert [match["manifestId"] for match in told.json["matches"]] == [labelled.manifest_id]
    unmarked = io.BytesIO()
    Image.fromarray(scene(512, 512, seed=9)).save(unmarked, "PNG")
    hint = f"?hintAlg={ALGORITHM}&hintValue={quote(value_of(labelled.declaration.identifier), safe='')}"
    told = served.ask("POST", f"/matches/byContent{hint}", unmarked.getvalue(), Content_Type="image/png")
    assert (told.status, told.json) == (200, {"matches": []})


def test_content_without_a_mark_leads_to_what_is_alike(served: Served, tmp_path: Path) -> None:
    url = f"sqlite:///{served.registry.place.file}"
    Image.fromarray(scene(512, 640, seed=4)).save(tmp_path / "picture.png")
    options = LabelOptions(registry=url, keys=tmp_path / "keys", disclosure=False)
    labelled = Labeller(options).label(tmp_path / "picture.png")
    before = (tmp_path / "picture.png").read_bytes()  # the work before it was marked
    (match,) = served.ask("POST", "/matches/byContent", before, Content_Type="image/png").json["matches"]
    assert match["manifestId"] == labelled.manifest_id
    assert 80 <= match["similarityScore"] <= 100
    told = served.ask("POST", f"/matches/byContent?alg={ALGORITHM}", before, Content_Type="image/png")
    assert (told.status, told.json) == (200, {"matches": []})


def test_a_text_leads_to_the_labelled_text_that_it_quotes(served: Served, tmp_path: Path) -> None:
    url = f"sqlite:///{served.registry.place.file}"
    (tmp_path / "text.txt").write_text(" ".join(f"word{number * 7919 % 1000}" for number in range(600)))
    labelled = Labeller(LabelOptions(registry=url, keys=tmp_path / "keys")).label(tmp_path / "text.txt")
    quoted = (tmp_path / "text.txt").read_bytes()[300:3000]
    told = served.ask("POST", "/matches/byContent", quoted, Content_Type="text/plain")
    assert [match["manifestId"] for match in told.json["matches"]] == [labelled.manifest_id]


@pytest.mark.parametrize(
    ("path", "body", "type", "status"),
    [
        ("", b"", "image/png", 400),
        ("", b"\0\1\2\3", "image/png", 415),
        ("", b"x", "text", 415),
        ("?alg=com.example.other", b"x", "image/png", 400),
        (f"?hintAlg={ALGORITHM}&hintValue=x", b"x", "image/png", 400),
        ("", b"\x89PNG\r\n\x1a\n" + bytes(100), "image/png", 400),
        ("", bytes((1 << 24) + 1), "image/png", 413),
    ],
)
def test_content_that_cannot_be_searched_is_refused(
    served: Served, path: str, body: bytes, type: str, status: int
) -> None:
    told = served.ask("POST", f"/matches/byContent{path}", body, Content_Type=type)
    assert (told.status, list(told.json)) == (status, ["error"])


def test_bodies_that_never_come_are_given_up_and_a_server_without_a_token_takes_nothing(
    tmp_path: Path, signer: Signer
) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    initialise(named(url)).close()
    with serving(url, token="", seconds=1.5) as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
            began = time.monotonic()
            connection.sendall(BEGUN)
            assert b" 408 " in connection.recv(4096)
            assert time.monotonic() - began < 10
        slow = [socket.create_connection((place.hostname, place.port), timeout=20) for _ in range(7)]
        for connection in slow:
            connection.sendall(BEGUN)
        told = [connection.recv(4096).split()[1] for connection in slow]
        assert sorted(told) == [b"408"] * 5 + [b"503"] * 2
        for connection in slow:
            connection.close()
        refused = Served(address, named(url).open()).ask("POST", "/manifests", b"x", Content_Type=C2PA, **BEARER)
        assert refused.status == 403
