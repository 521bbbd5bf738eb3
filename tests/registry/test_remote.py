"""A registry behind the Soft Binding Resolution API: ours, and servers that lie, flood, stall and send elsewhere."""

from __future__ import annotations

import base64
import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from kzlabel import Declaration, Labeller, LabelOptions, Verifier, VerifyOptions
from kzlabel.errors import ConfigurationError, RegistryError, UsageError
from kzlabel.marks.soft_binding import ALGORITHM, MAX_VALUE
from kzlabel.registry import Kept, Printed, State, remote
from kzlabel.registry.place import Place, named, outbox_folder
from kzlabel.registry.remote import MAX_AGE, Remote
from kzlabel.registry.resolver import Candidate, Resolver, resolver_at
from kzlabel.registry.store import Registry, initialise
from kzlabel.signing import Signer
from kzlabel.signing.development import development_signer
from kzlabel.trust.revocation.cache import AnswerCache

from ..end_to_end.command import kzlabel
from ..resolution.serving import TOKEN, serving
from ..watermark.test_image import scene
from .works import signed

SECONDS = 1.5  # in place of TIMEOUT, where a test has to wait for it
MARK = "0123456789ab"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


@contextmanager
def answering(*answers: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives one answer after the other, the last one for good; its address, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(f"{self.command} {self.path}")
            answers[min(len(asked), len(answers)) - 1](self)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None: ...

        def handle(self) -> None:
            with suppress(OSError):  # whoever asked has gone
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()


def says(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def say(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return say


def matches(*found: object) -> Callable[[BaseHTTPRequestHandler], None]:
    return says(json.dumps({"matches": found}).encode())


def byte_by_byte(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def in_its_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(80):
        handler.wfile.write(b"X-%d: 1\r\n" % number)
        handler.wfile.flush()
        time.sleep(0.1)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(bytes(1 << 20))


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(2 * SECONDS)


def hung_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def one(name: str = "urn:c2pa:one", **more: object) -> dict[str, object]:
    return {"manifestId": name, **more}


HOSTILE = {
    "HTML": ([says(b"<html>Welcome</html>", **{"Content-Type": "text/html"})], "no JSON of the Soft Binding"),
    "HTML for a manifest": ([matches(one()), says(b"<html>")], "no manifest"),
    "a list": ([says(b"[]")], "no JSON of the Soft Binding"),
    "deep JSON": ([says(b"[" * 200_000)], "no JSON of the Soft Binding"),
    "matches of another kind": ([matches("x")], "no list of matches"),
    "no matches": ([says(b"{}")], "no list of matches"),
    "a name of another kind": ([matches(one("a\nb"))], "no name"),
    "a long name": ([matches(one("x" * 300))], "no name"),
    "a huge list": ([says(b'{"matches": [' + b" " * (1 << 19) + b"]}")], "larger than the limit"),
    "an endless list": ([endless], "larger than the limit"),
    "an endless manifest": ([matches(one()), endless], "larger than the limit"),
    "endless redirects": ([says(b"", 302, Location="/again")], "redirects more than 3 times"),
    "a redirect within": ([says(b"", 302, Location="http://10.0.0.1/")], "private network"),
    "a redirect to here": ([says(b"", 307, Location="http://localhost:1/")], "private network"),
    "a redirect to the machine's keeper": ([says(b"", 302, Location="http://169.254.169.254/")], "private network"),
    "a redirect to a file": ([says(b"", 302, Location="file:///etc/passwd")], "another kind of address"),
    "an endpoint within": ([matches(one(endpoint="https://192.168.1.1/v1"))], "private network"),
    "an endpoint that is none": ([matches(one(endpoint="file:///etc/passwd"))], "no https address"),
    "an endpoint by http": ([matches(one(endpoint="http://example.org/"))], "no https address"),
    "an endpoint with a name": ([matches(one(endpoint="https://a:b@example.org/"))], "no http or https address"),
    "bytes that drip": ([byte_by_byte], "in time"),
    "headers that drip": ([in_its_headers], "in time"),
    "a manifest that drips": ([matches(one()), byte_by_byte], "in time"),
    "silence": ([silent], "in time"),
    "hanging up": ([hung_up], "registry http"),
    "failure": ([says(b"", 500)], "status 500"),
    "a refusal": ([says(b'{"error": "no \\u202eentry"}', 403)], "refuses this: no"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_whatever_a_server_does_a_look_up_ends_soon_in_one_sentence(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TIMEOUT", SECONDS)
    answers, words = HOSTILE[case]
    with answering(*answers) as (url, _):
        began = time.monotonic()
        with pytest.raises(RegistryError, match=words) as caught:
            resolver_at(url).candidates(MARK)
        assert time.monotonic() - began < 2 * SECONDS
    told = str(caught.value)
    assert told.isprintable()
    assert len(told) < 400


def test_another_manifest_than_the_one_that_was_named_is_not_taken(signer: Signer) -> None:
    _, store = signed(signer)
    for name, words in (("urn:c2pa:other", "another manifest"), ("c2pa", "another manifest")):
        with answering(matches(one(name)), says(store)) as (url, _), pytest.raises(RegistryError, match=words):
            resolver_at(url).candidates(MARK)


def test_a_manifest_that_is_another_hides_none_of_those_that_follow(signer: Signer) -> None:
    entry, store = signed(signer)
    listed = matches(one("urn:c2pa:other"), one("urn:c2pa:page"), one(entry.manifest_id or ""))
    with answering(listed, says(store), says(b"<html>Welcome</html>"), says(store)) as (url, _):
        (found,) = resolver_at(url).candidates(MARK)
    assert found.store == store


def test_a_server_of_another_maker_is_asked_as_the_specification_says(signer: Signer) -> None:
    entry, store = signed(signer)
    name = entry.manifest_id or ""
    answers = (matches(one("urn:c2pa:gone"), one(name), one(name, similarityScore=3)), says(b"", 404), says(store))
    with answering(*answers) as (url, asked):
        found = resolver_at(f"{url}/v1/").candidates("00fffe000001")
    assert found == [Candidate(store, name, False, State.CONFIRMED, signer.fingerprint)]
    assert asked == [
        f"GET /v1/matches/byBinding?alg={ALGORITHM}&value=AP%2F%2BAAAB&maxResults=20",
        "GET /v1/manifests/urn%3Ac2pa%3Agone",
        f"GET /v1/manifests/{name.replace(':', '%3A')}",
    ]
    with answering(says(b"", 404)) as (url, _):
        assert resolver_at(url).candidates(MARK) == []


def test_a_manifest_is_kept_and_a_damaged_copy_of_it_is_not_used(signer: Signer, tmp_path: Path) -> None:
    entry, store = signed(signer)
    cache = AnswerCache(tmp_path / "kept", MAX_AGE)
    listed = matches(one(entry.manifest_id or ""))
    with answering(listed, says(store), listed, listed, says(store)) as (url, asked):
        here = Remote(named(url), cache)
        for _ in range(2):
            assert here.candidates(MARK)[0].store == store
        assert len(asked) == 3
        (kept,) = (tmp_path / "kept").iterdir()
        kept.write_bytes(b"damaged")
        assert here.candidates(MARK)[0].store == store
        assert len(asked) == 5


def test_all_manifests_of_a_look_up_together_are_bounded(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    (first, store), (second, other) = signed(signer), signed(signer)
    monkeypatch.setattr(remote, "MOST_STORES", len(store) + 100)
    answers = (matches(one(first.manifest_id or ""), one(second.manifest_id or "")), says(store), says(other))
    with answering(*answers) as (url, _), pytest.raises(RegistryError, match="larger than the limit"):
        resolver_at(url).candidates(MARK)


def test_a_server_that_does_not_answer_is_left_alone_for_a_while() -> None:
    here = resolver_at("http://127.0.0.1:9/")
    with pytest.raises(RegistryError, match="cannot be reached"):
        here.candidates(MARK)
    with answering(matches()) as (_, asked):
        began = time.monotonic()
        with pytest.raises(RegistryError, match="cannot be reached"):
            here.candidates(MARK)
        assert time.monotonic() - began < 0.1
        assert asked == []


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "https://", "https://a:b@example.org/", "https://x/?y", "https://x:y/", "https://x/\t"],
)
def test_an_address_that_others_could_read_or_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        named(url)


def test_a_token_is_not_shown_and_a_server_is_no_database(signer: Signer) -> None:
    place = named("https://example.org", "secret")
    assert "secret" not in repr(place)
    assert place.name == "https://example.org"
    with pytest.raises(RegistryError, match="KZLABEL_REGISTRY_TOKEN"):
        Remote(Place(url="https://example.org")).admit(signer.fingerprint, development=False)
    with pytest.raises(RegistryError, match="its database is needed"):
        place.open()


# --- with our own server ---


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Registry]:
    made = initialise(named(f"sqlite:///{tmp_path / 'registry.db'}"))
    yield made
    made.close()


def labeller(url: str, keys: Path, token: str | None = TOKEN) -> Labeller:
    return Labeller(LabelOptions(registry=url, registry_token=token, keys=keys, overwrite=True))


def test_a_label_is_registered_with_a_server_and_found_there(database: Registry, tmp_path: Path) -> None:
    Image.fromarray(scene(512, 512)).save(tmp_path / "picture.png")
    (tmp_path / "text.txt").write_text("A text about something else. " * 40)
    database.enrol(development_signer(tmp_path / "keys").fingerprint)
    with serving(f"sqlite:///{database.place.file}") as url:
        here = labeller(url, tmp_path / "keys")
        picture, text = here.label(tmp_path / "picture.png"), here.label(tmp_path / "text.txt")
        assert picture.notes == text.notes == ()
        identifier = picture.declaration.identifier
        resolvers: list[Resolver] = [resolver_at(url), database]
        for resolver in resolvers:
            (found,) = resolver.candidates(identifier)
            assert (found.manifest_id, found.enrolled, found.state) == (picture.manifest_id, True, State.CONFIRMED)
        assert [kept.state for kept in database.find(text.declaration.identifier)] == [State.CONFIRMED]
        assert [name for name, _ in database.fingerprints(database.find(identifier)[0].entry.manifest)]
        stripped = tmp_path / "stripped.jpg"
        Image.open(picture.output).convert("RGB").save(stripped, quality=85)
        verdict = Verifier(VerifyOptions(registry=url)).verify(stripped)
        assert (verdict.kind, verdict.manifest_id) == ("recovered", picture.manifest_id)
        again = here.label(tmp_path / "picture.png", declaration=Declaration(identifier=identifier))
        assert again.declaration.identifier == identifier
        stranger = development_signer(tmp_path / "other")
        database.enrol(stranger.fingerprint)
        with pytest.raises(UsageError, match="another signer"):
            labeller(url, tmp_path / "other").label(
                tmp_path / "picture.png", declaration=Declaration(identifier=identifier)
            )
    assert not list(outbox_folder().iterdir())


def test_fingerprints_too_large_for_the_manifest_are_kept_beside_it(database: Registry, tmp_path: Path) -> None:
    chance = random.Random(1)
    (tmp_path / "text.txt").write_text(" ".join(f"{chance.randrange(1 << 40):x}" for _ in range(12_000)))
    database.enrol(development_signer(tmp_path / "keys").fingerprint)
    with serving(f"sqlite:///{database.place.file}") as url:
        labelled = labeller(url, tmp_path / "keys").label(tmp_path / "text.txt")
        assert labelled.notes == ()
        (kept,) = database.find(labelled.declaration.identifier)
        ((algorithm, data),) = database.fingerprints(kept.entry.manifest)
        assert len(data) > MAX_VALUE
        keys = database.printed(kept.entry)[0].keys
        assert [one.kept.entry for one in database.similar(algorithm, keys)] == [kept.entry]
        # As if that text had a watermark, by which a client gets there.
        store = database.manifest(kept.entry.manifest) or b""
        database.register(replace(kept.entry, watermark=MARK, sha256="7" * 64), store, State.CONFIRMED)
        (found,) = resolver_at(url).candidates(MARK)
        assert found.fingerprints == ((algorithm, data),)
        here = Remote(named(url, TOKEN))
        here.admit("", development=False)
        with pytest.raises(RegistryError, match="status 400"):
            here.register(kept.entry, store, State.PENDING, [Printed(algorithm, data[:-8] + bytes(8))])


def test_a_server_that_lies_about_fingerprints_is_not_believed(database: Registry, tmp_path: Path) -> None:
    chance = random.Random(1)
    (tmp_path / "text.txt").write_text(" ".join(f"{chance.randrange(1 << 40):x}" for _ in range(12_000)))
    made = labeller(f"sqlite:///{database.place.file}", tmp_path / "keys").label(tmp_path / "text.txt")
    (kept,) = database.find(made.declaration.identifier)
    ((algorithm, data),) = database.fingerprints(kept.entry.manifest)
    listed = matches(one(kept.entry.manifest_id or "", **{remote.ENROLLED: True}))
    manifest = says(database.manifest(kept.entry.manifest) or b"")
    false = [{"algorithm": algorithm, "data": base64.b64encode(data[:-1] + b"x").decode()}]
    for body, words in (
        ({"fingerprints": false}, None),
        ({"fingerprints": [1]}, "list of fingerprints"),
        ({}, "list of"),
    ):
        cache = AnswerCache(tmp_path / secrets.token_hex(4), MAX_AGE)
        with answering(listed, manifest, says(json.dumps(body).encode())) as (url, _):
            if words is None:
                assert Remote(named(url), cache).candidates(MARK)[0].fingerprints == ()
                continue
            with pytest.raises(RegistryError, match=words):
                Remote(named(url), cache).candidates(MARK)


def test_what_a_server_does_not_take_waits_in_the_outbox(database: Registry, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("A text about something else. " * 40)
    with serving(f"sqlite:///{database.place.file}") as url:
        for token, words in ((None, "token"), ("wrong", "check the token"), (TOKEN, "not enrolled")):
            labelled = labeller(url, tmp_path / "keys", token).label(tmp_path / "text.txt")
            assert any(words in note for note in labelled.notes), labelled.notes
        assert database.count().confirmed == 0
        database.enrol(development_signer(tmp_path / "keys").fingerprint)
        told = kzlabel("registry", "status", "--repair", "--json", home=tmp_path, KZLABEL_REGISTRY=url,
                       KZLABEL_REGISTRY_TOKEN=TOKEN, XDG_STATE_HOME=str(tmp_path / "state"))  # fmt: skip
        assert (told.code, told.json["waiting"], told.json["repair"]["delivered"]) == (0, 0, 3), told.err
        assert labeller(url, tmp_path / "keys").label(tmp_path / "text.txt").notes == ()
        assert database.count().confirmed == 4
    assert not list(outbox_folder().iterdir())


def test_a_watermark_of_an_imported_entry_is_vouched_for_by_nobody(database: Registry, signer: Signer) -> None:
    entry, store = signed(signer)
    database.receive(Kept(entry, State.CONFIRMED, 1, 1), store)
    with serving(f"sqlite:///{database.place.file}") as url:
        assert [found.enrolled for found in resolver_at(url).candidates(entry.identifier)] == [False]
