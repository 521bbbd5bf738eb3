"""Forgeries inside the manifest: claim, assertions, ingredients, and the boxes that hold them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import cbor2

from kzlabel.declaration import Declaration, Source
from kzlabel.marks import manifest
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import Parent
from kzlabel.trust import NOBODY
from tests.marks import samples
from tests.pki import PrivateSigner

from .cose import Signature, certificates
from .jumbf import Manifest, Store
from .workshop import CAMERA, Made, Workshop, put, store_of

FILES = ("picture.jpg", "film.mp4", "story.txt")
ACTIONS = "c2pa.actions.v2"
SAID = "org.kzlabel.declaration"


def resigned_with_the_chain_kept(shop: Workshop) -> Iterator[Made]:
    chain = certificates(shop.signer.chain)
    yield from _edited(shop, lambda active: active.seal(shop.intruder, chain=chain))


def claim_changed(shop: Workshop) -> Iterator[Made]:
    def edit(active: Manifest) -> None:
        active.claim["claim_generator_info"]["name"] = "a camera"
        active.write_claim()

    yield from _edited(shop, edit)


def signature_of_another_claim(shop: Workshop) -> Iterator[Made]:
    """The trusted signer's own signature, of another work."""
    other = Store.of(shop.sidecar("sound.ogg")).active

    def edit(active: Manifest) -> None:
        active.signature = other.signature
        active.write_signature()

    yield from _edited(shop, edit)


def payload_inside(shop: Workshop) -> Iterator[Made]:
    """The signature carries the claim that it covers; the claim in its own box says something else."""

    def edit(active: Manifest) -> None:
        active.seal(shop.signer, payload=active.claim_bytes)
        active.claim["claim_generator_info"]["name"] = "a camera"
        active.write_claim()

    yield from _edited(shop, edit, ("picture.jpg",))


def assertion_changed(shop: Workshop) -> Iterator[Made]:
    yield from _edited(shop, _taken_by_a_camera)


def assertion_removed(shop: Workshop) -> Iterator[Made]:
    yield from _edited(shop, lambda active: active.drop(SAID, unlist=False))


def assertion_added(shop: Workshop) -> Iterator[Made]:
    def edit(active: Manifest) -> None:
        active.add("org.example.praise", {"text": "as true as can be"}, listed=None)

    yield from _edited(shop, edit)


def assertion_doubled(shop: Workshop) -> Iterator[Made]:
    """A forged assertion under the label of the genuine one, once behind it and once before."""

    def edit(active: Manifest, *, before: bool) -> None:
        boxes = active.assertions.boxes
        made = active.add(ACTIONS, _camera(), listed=None)
        if before:
            boxes.insert(1, boxes.pop(boxes.index(made)))

    yield from _edited(shop, lambda active: edit(active, before=False))
    yield from _edited(shop, lambda active: edit(active, before=True))


def two_claims(shop: Workshop) -> Iterator[Made]:
    """A second claim, which says less, once behind the signed one and once before."""

    def edit(active: Manifest, *, before: bool) -> None:
        genuine = active.box["c2pa.claim.v2"]
        made = genuine.copy()
        made.boxes[1].content = cbor2.dumps({**active.claim, "dc:title": "Another"})
        active.box.boxes.insert(active.box.boxes.index(genuine) + (not before), made)

    yield from _edited(shop, lambda active: edit(active, before=False))
    yield from _edited(shop, lambda active: edit(active, before=True))


def two_signatures(shop: Workshop) -> Iterator[Made]:
    """The trusted signer's and a stranger's, in both orders."""

    def edit(active: Manifest, *, before: bool) -> None:
        active.signature.pad = 0
        active.write_signature()
        genuine = active.box["c2pa.signature"]
        made = genuine.copy()
        made.boxes[1].content = Signature.made(shop.intruder, active.claim_bytes).whole
        active.box.boxes.insert(active.box.boxes.index(genuine) + (not before), made)

    yield from _edited(shop, lambda active: edit(active, before=False))
    yield from _edited(shop, lambda active: edit(active, before=True))


def two_assertion_stores(shop: Workshop) -> Iterator[Made]:
    """The signed assertions and a second set of them, of which one was changed, in both orders."""

    def edit(active: Manifest, *, before: bool) -> None:
        genuine = active.assertions
        made = genuine.copy()
        made[ACTIONS].boxes[1].content = cbor2.dumps(_camera())
        active.box.boxes.insert(active.box.boxes.index(genuine) + (not before), made)

    yield from _edited(shop, lambda active: edit(active, before=False))
    yield from _edited(shop, lambda active: edit(active, before=True))


def signature_under_another_label(shop: Workshop) -> Iterator[Made]:
    for name in FILES:
        store = store_of(shop.signed(name), name)
        yield Made.of(
            name,
            put(shop.signed(name), name, store.replace(b"c2pa.signature\0", b"c2pa.blank_box\0")),
            shop.signed(name),
        )


def no_binding(shop: Workshop) -> Iterator[Made]:
    def edit(active: Manifest) -> None:
        active.drop("c2pa.hash.data", unlist=True)
        active.seal(shop.signer)

    yield from _edited(shop, edit, ("picture.jpg", "story.txt"))


def two_bindings(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer: beside the hash over this work one that leaves out its pixels, in both orders."""
    genuine = shop.signed("picture.jpg")

    def edit(active: Manifest, *, before: bool) -> None:
        bound = active.value("c2pa.hash.data")
        (place,) = bound["exclusions"]
        end = place["start"] + place["length"]
        kept = hashlib.sha256(genuine[: place["start"]] + genuine[end : end + 400]).digest()
        hole = {"start": end + 400, "length": len(genuine) - end - 400}
        made = active.add("c2pa.hash.data__1", {**bound, "exclusions": [place, hole], "hash": kept})
        if before:
            boxes, listed = active.assertions.boxes, active.claim["created_assertions"]
            boxes.insert(1, boxes.pop(boxes.index(made)))
            listed.insert(0, listed.pop())
        active.seal(shop.signer)

    yield from _edited(shop, lambda active: edit(active, before=False), ("picture.jpg",))
    yield from _edited(shop, lambda active: edit(active, before=True), ("picture.jpg",))


def label_with_another_end(shop: Workshop) -> Iterator[Made]:
    """The trusted claim names an assertion; a box whose label goes on behind a zero byte stands in its place."""

    def edit(active: Manifest) -> None:
        made = active.add(ACTIONS, _camera(), listed=None)
        made.boxes[0].content = made.boxes[0].content.replace(ACTIONS.encode() + b"\0", ACTIONS.encode() + b"\0\0", 1)

    yield from _edited(shop, edit)


def manifest_of_a_stranger_on_top(shop: Workshop) -> Iterator[Made]:
    """The trusted manifest stays, and a stranger's, bound to the same work, is put behind it."""

    def edit(store: Store) -> None:
        made = store.box.boxes[-1].copy()
        active = Manifest.of(made)
        label = active.label[:-4] + "0000"
        active.claim["signature"] = active.claim["signature"].replace(active.label, label)
        made.rename(label)
        active.signature.pad = 0
        active.seal(shop.intruder)
        store.box.boxes.append(made)

    for name in ("picture.jpg", "story.txt"):
        yield Made.of(name, _squeezed(shop, name, edit), shop.signed(name))


def forged_manifest_before_its_namesake(shop: Workshop) -> Iterator[Made]:
    """A changed copy of the trusted manifest, under the same label, before it."""
    edited = _squeezed(shop, "story.txt", lambda store: _with_namesake(store, before=True))
    yield Made.of("story.txt", edited, shop.signed("story.txt"))
    work, genuine = shop.work("sound.ogg").read_bytes(), shop.sidecar("sound.ogg")
    store = Store.of(genuine)
    _with_namesake(store, before=True)
    yield Made({"sound.ogg": work, "sound.ogg.c2pa": store.whole}, {"sound.ogg": work, "sound.ogg.c2pa": genuine})


def forged_manifest_behind_its_namesake(shop: Workshop) -> Iterator[Made]:
    """The same behind it."""
    for name in ("picture.jpg", "story.txt"):
        yield Made.of(name, _squeezed(shop, name, lambda store: _with_namesake(store, before=False)), shop.signed(name))


def hashed_with_sha1(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer, who hashes content and assertions with SHA-1."""
    genuine = shop.signed("picture.jpg")

    def edit(active: Manifest) -> None:
        bound = active.value("c2pa.hash.data")
        (place,) = bound["exclusions"]
        kept = genuine[: place["start"]] + genuine[place["start"] + place["length"] :]
        active.set("c2pa.hash.data", {**bound, "alg": "sha1", "hash": hashlib.sha1(kept).digest()})
        active.seal(shop.signer)

    yield Made.of("picture.jpg", shop.resealed("picture.jpg", edit), genuine)


def claim_hashed_with_sha1(shop: Workshop) -> Iterator[Made]:
    def edit(active: Manifest) -> None:
        active.rehash()
        active.claim["alg"] = "sha1"
        for entry in active.claim["created_assertions"]:
            label = entry["url"].rpartition("/")[2]
            entry["hash"] = hashlib.sha1(active.assertions[label].payload).digest()
        active.seal_claim_only(shop.signer)

    yield from _edited(shop, edit, ("picture.jpg",))


# --- ingredients ---


def ingredient_removed(shop: Workshop) -> Iterator[Made]:
    for name, genuine in _with_parent(shop):
        yield Made.of(name, shop.restored(name, lambda store: store.box.boxes.pop(1), genuine), genuine)


def ingredient_altered(shop: Workshop) -> Iterator[Made]:
    def edit(store: Store) -> None:
        _taken_by_a_camera(store.manifests[0])

    for name, genuine in _with_parent(shop):
        yield Made.of(name, shop.restored(name, edit, genuine), genuine)


def ingredient_exchanged(shop: Workshop) -> Iterator[Made]:
    """The parent's manifest, signed anew by a stranger, under the same label."""

    def edit(store: Store) -> None:
        parent = store.manifests[0]
        _taken_by_a_camera(parent)
        parent.signature.pad = 0
        parent.seal(shop.intruder)

    for name, genuine in _with_parent(shop):
        yield Made.of(name, shop.restored(name, edit, genuine), genuine)


def own_action_redacted(shop: Workshop) -> Iterator[Made]:
    def edit(active: Manifest) -> None:
        active.claim["redacted_assertions"] = [active.uri(ACTIONS)]
        active.drop(ACTIONS, unlist=False)
        active.seal_claim_only(shop.signer)

    yield from _edited(shop, edit, ("picture.jpg",))


def action_of_the_parent_redacted(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer: the parent's actions, which said that AI made it, are struck out."""

    def edit(store: Store) -> None:
        parent, active = store.manifests
        parent.drop(ACTIONS, unlist=False)
        active.claim["redacted_assertions"] = [parent.uri(ACTIONS)]
        active.seal(shop.signer)

    for name, genuine in _with_parent(shop):
        yield Made.of(name, shop.restored(name, edit, genuine), genuine)


def binding_borrowed_from_the_parent(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer: the claim points to the parent's hash in place of one of its own."""

    def edit(store: Store) -> None:
        parent, active = store.manifests
        active.rehash()
        entry = next(one for one in active.claim["created_assertions"] if one["url"].endswith("c2pa.hash.data"))
        entry["url"] = parent.uri("c2pa.hash.data")
        entry["hash"] = hashlib.sha256(parent.assertions["c2pa.hash.data"].payload).digest()
        active.drop("c2pa.hash.data", unlist=False)
        active.seal_claim_only(shop.signer)

    for name, genuine in _with_parent(shop):
        yield Made.of(name, shop.restored(name, edit, genuine), genuine)


def update_over_changed_content(shop: Workshop) -> Iterator[Made]:
    """An update manifest, which binds no content itself, over a work whose pixels were changed before."""
    genuine = _updated(shop, shop.signed("picture.jpg"))
    changed = bytearray(genuine)
    changed[-40] ^= 1
    yield Made.of("picture.jpg", bytes(changed), genuine)


def update_of_a_changed_work(shop: Workshop) -> Iterator[Made]:
    """The other way round: the pixels are changed first, and the update manifest signed by the trusted signer."""
    changed = bytearray(shop.signed("picture.jpg"))
    changed[-40] ^= 1
    yield Made.of("picture.jpg", _updated(shop, bytes(changed)), _updated(shop, shop.signed("picture.jpg")))


def update_over_a_rewritten_binding(shop: Workshop) -> Iterator[Made]:
    """The pixels are changed, and the hash in the parent's manifest with them: as it is, and signed by a stranger."""
    genuine = _updated(shop, shop.signed("picture.jpg"))
    changed = bytearray(genuine)
    changed[-40] ^= 1

    def edit(store: Store, signer: Any) -> None:
        parent, _ = store.manifests
        bound = parent.value("c2pa.hash.data")
        start = bound["exclusions"][0]["start"]
        end = start + 12 + len(store_of(genuine, "picture.jpg"))  # where the larger store ends now
        parent.set("c2pa.hash.data", {**bound, "hash": hashlib.sha256(changed[:start] + changed[end:]).digest()})
        if signer:
            parent.seal(signer)

    for signer in (None, shop.intruder):
        forged = shop.restored("picture.jpg", lambda store, by=signer: edit(store, by), bytes(changed))
        yield Made.of("picture.jpg", forged, genuine)


def update_by_a_stranger(shop: Workshop) -> Iterator[Made]:
    """On a trusted work that is left as it was."""
    yield Made.of("picture.jpg", _updated(shop, shop.signed("picture.jpg"), shop.intruder), shop.signed("picture.jpg"))


def _with_parent(shop: Workshop) -> Iterator[tuple[str, bytes]]:
    """Works of the trusted signer, "modified", whose parent carries a manifest that says "generated"."""
    for name in ("picture.jpg", "picture.png"):
        path = shop.folder / f"parent-{name}"
        path.write_bytes(shop.signed(name))
        mime = samples.EMBEDDED[name]
        values = definition(Declaration(Source.MODIFIED), None, opened=True, fmt=mime)
        yield name, shop.sign(shop.work(name).read_bytes(), name, values, parent=Parent(path, mime))


def _updated(shop: Workshop, signed: bytes, by: PrivateSigner | None = None) -> bytes:
    import c2pa

    context = manifest._context(NOBODY, 0)
    told = {"claim_generator_info": [{"name": "kzlabel"}], "assertions": []}
    builder = c2pa.Builder(json.dumps(told), context=context)
    builder.set_intent(c2pa.C2paBuilderIntent.UPDATE)
    target = io.BytesIO()
    by = by or shop.signer
    signer = c2pa.Signer.from_callback(by.sign, c2pa.C2paSigningAlg.ES256, by.chain, None)
    builder.sign(signer, "image/jpeg", io.BytesIO(signed), target)
    return target.getvalue()


def _edited(shop: Workshop, edit: Callable[[Manifest], Any], names: tuple[str, ...] = FILES) -> Iterator[Made]:
    for name in names:
        yield Made.of(name, shop.resealed(name, edit), shop.signed(name))


def _squeezed(shop: Workshop, name: str, edit: Callable[[Store], None]) -> bytes:
    """As `restored`, where the store holds one more manifest: its paddings give the room."""
    data = shop.signed(name)
    genuine = store_of(data, name)
    store = Store.of(genuine)
    edit(store)
    for box in store.box.boxes[1:]:
        made = Manifest.of(box)
        made.signature.pad = 0
        made.write_signature()
    return put(data, name, store.sized(len(genuine)))


def _with_namesake(store: Store, *, before: bool) -> None:
    made = store.box.boxes[-1].copy()
    forged = Manifest.of(made)
    _taken_by_a_camera(forged)
    forged.signature.pad = 0
    forged.write_signature()
    store.box.boxes.insert(1 if before else 2, made)


def _camera() -> dict[str, Any]:
    return {"actions": [{"action": "c2pa.created", "digitalSourceType": CAMERA}], "allActionsIncluded": True}


def _taken_by_a_camera(active: Manifest) -> None:
    active.set(ACTIONS, _camera())
