"""Forgeries of who signed, and when: certificates, chains, revocation and time-stamps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cryptography import x509

from kzlabel.declaration import Declaration
from kzlabel.marks.definition import definition
from tests.pki import SERVER_AUTHENTICATION, TIME_STAMPING, PrivateSigner

from . import stamps
from .certificates import PURPOSES, Authority, days, named, new_key
from .cose import OLD_X5CHAIN, X5CHAIN, certificates
from .jumbf import Manifest, Store
from .weak import signed_with_sha1, with_an_extension_twice
from .workshop import Made, Workshop

FILES = ("picture.jpg", "film.mp4", "story.txt")
RS1 = -65535  # RFC 8812: RSASSA-PKCS1-v1_5 with SHA-1


# --- who signed ---


def name_of_the_signer_copied(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.intruder)


def root_of_the_same_name(shop: Workshop) -> Iterator[Made]:
    """A root with the trusted one's name, and its certificate in the chain."""
    false = Authority.root("Test Root")
    yield from _by(shop, false.signer(between=[shop.root.certificate]))
    yield from _by(shop, false.signer(between=[false.certificate]), FILES[:1])


def root_of_a_stranger_in_the_chain(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.stranger.signer(between=[shop.stranger.certificate]))


def chain_of_the_trusted_signer_behind(shop: Workshop) -> Iterator[Made]:
    """A stranger's leaf, with the trusted signer's leaf and its root behind it."""
    chain = [*certificates(shop.intruder.chain), *certificates(shop.signer.chain), *certificates(shop.root.pem)]
    yield from _by(shop, shop.intruder, chain=chain)


def second_chain_in_the_open(shop: Workshop) -> Iterator[Made]:
    """The stranger's chain where the signature covers it, the trusted signer's where nothing does."""

    def edit(active: Manifest) -> None:
        active.seal(shop.intruder)
        active.signature.unprotected[X5CHAIN] = certificates(shop.signer.chain)[0]
        active.write_signature()

    for name in FILES:
        yield Made.of(name, shop.resealed(name, edit), shop.signed(name))


def two_chains_that_are_signed(shop: Workshop) -> Iterator[Made]:
    """Somebody who is trusted too signs, and puts the trusted signer's certificate beside the own one."""
    other = shop.root.signer(name="Somebody", organization="Trusted As Well Ltd")
    (own,), (borrowed,) = certificates(other.chain), certificates(shop.signer.chain)
    for name in FILES:
        for header in ({OLD_X5CHAIN: own, X5CHAIN: borrowed}, {X5CHAIN: own, OLD_X5CHAIN: borrowed}):
            yield Made.of(name, shop.sealed_by(name, other, header=header), shop.sealed_by(name, other))


def strange_chain_in_the_open(shop: Workshop) -> Iterator[Made]:
    """A stranger's certificate beside the signer's, in the header where older signers keep theirs."""

    def edit(active: Manifest, **more: bytes) -> None:
        active.seal(shop.signer, in_the_open=True)
        (leaf,) = certificates(shop.signer.chain)
        added = {X5CHAIN: more["strange"]} if more else {}
        active.signature.unprotected = {**added, OLD_X5CHAIN: leaf}
        active.write_signature()

    strange = certificates(shop.stranger.signer(name="Somebody", organization="Nobody Ltd").chain)[0]
    for name in FILES:
        forged = shop.resealed(name, lambda active: edit(active, strange=strange))
        yield Made.of(name, forged, shop.resealed(name, edit))


def only_chain_in_the_open(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.intruder, in_the_open=True, chain=certificates(shop.signer.chain))


def leaf_of_a_leaf(shop: Workshop) -> Iterator[Made]:
    """The trusted signer issues a certificate to somebody else."""
    leaf = x509.load_pem_x509_certificate(shop.signer.chain.encode())
    false = Authority(leaf, shop.signer.secret)
    yield from _by(shop, false.signer(name="Friend of Test Signer", between=[leaf]))


def authority_without_the_right(shop: Workshop) -> Iterator[Made]:
    """Its certificate calls it an authority, and its key may not sign certificates."""
    yield from _by(shop, shop.root.authority(signs=True, signs_certificates=False).signer(), FILES[:1])


def too_long_a_chain(shop: Workshop) -> Iterator[Made]:
    """The intermediate authority may issue to signers only, and issues to another authority."""
    yield from _by(shop, shop.root.authority(path_length=0).authority("Below").signer(), FILES[:1])


def outside_the_names_of_the_authority(shop: Workshop) -> Iterator[Made]:
    """The intermediate authority may issue to one organization only, and issues to another."""
    allowed = x509.Name(list(named("-", "Only This Studio"))[:2])
    limit = x509.NameConstraints([x509.DirectoryName(allowed)], None)
    yield from _by(shop, shop.root.authority(more=[limit]).signer(), FILES[:1])


def authority_for_other_purposes(shop: Workshop) -> Iterator[Made]:
    """Authorities for servers and for time-stamps issue to a signer; their twin is one for signers."""
    genuine = shop.sealed_by(FILES[0], shop.root.authority(purposes=PURPOSES).signer())
    for purpose in (SERVER_AUTHENTICATION, TIME_STAMPING):
        yield Made.of(FILES[0], shop.sealed_by(FILES[0], shop.root.authority(purposes=[purpose]).signer()), genuine)


def weak_authority(shop: Workshop) -> Iterator[Made]:
    """With a short key, and with a certificate signed with SHA-1."""
    genuine = shop.sealed_by(FILES[0], shop.root.authority(key=new_key("rsa2048")).signer())
    yield Made.of(FILES[0], shop.sealed_by(FILES[0], shop.root.authority(key=new_key("rsa1024")).signer()), genuine)
    issuer = shop.root.authority()
    signer = issuer.signer()
    chain = [certificates(signer.chain)[0], signed_with_sha1(issuer.certificate, shop.root.key)]
    yield Made.of(FILES[0], shop.sealed_by(FILES[0], signer, chain=chain), shop.sealed_by(FILES[0], signer))


def expired_authority(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.root.authority(until=days(-1)).signer(), FILES[:1])


def for_servers(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.root.signer(purposes=(SERVER_AUTHENTICATION,)))


def without_any_purpose(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.root.signer(purposes=()), FILES[:1])


def key_not_for_signatures(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.root.signer(signs=False), FILES[:1])


def for_time_stamps_too(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.root.signer(purposes=(*PURPOSES, TIME_STAMPING)))


def for_time_stamps_only(shop: Workshop) -> Iterator[Made]:
    """A time-stamper's certificate under the trusted root of signers."""
    yield from _by(shop, shop.root.signer(purposes=(TIME_STAMPING,), critical_purposes=True))


def purpose_hidden_by_a_label(shop: Workshop) -> Iterator[Made]:
    """As before, and the box of the signature bears another label, under which its certificate is not looked for."""

    def edit(active: Manifest, signer: PrivateSigner) -> None:
        active.seal(signer)
        active.box["c2pa.signature"].rename("c2pa.signed-by")

    signer = shop.root.signer(purposes=(TIME_STAMPING,), critical_purposes=True)
    for name in FILES:
        forged = shop.restored(name, lambda store: edit(store.active, signer), label="c2pa.signed-by")
        yield Made.of(name, forged, shop.signed(name))
    work, genuine = shop.work("sound.ogg").read_bytes(), shop.sidecar("sound.ogg")
    store = Store.of(genuine)
    edit(store.active, signer)
    forged = store.whole
    yield Made({"sound.ogg": work, "sound.ogg.c2pa": forged}, {"sound.ogg": work, "sound.ogg.c2pa": genuine})


def signed_by_the_root_itself(shop: Workshop) -> Iterator[Made]:
    root = PrivateSigner("es256", shop.root.pem, shop.root.pem, shop.root.key)
    yield from _by(shop, root, FILES[:1])


def signed_by_its_own_root(shop: Workshop) -> Iterator[Made]:
    """A certificate that vouches for itself."""
    key = new_key()
    alone = Authority.root("Test Signer", key, authority=False, signs=True, purposes=PURPOSES)
    yield from _by(shop, PrivateSigner("es256", alone.pem, alone.pem, key), FILES[:1])


def under_the_root_of_time_stamps(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.time_root.signer())


def signed_by_the_time_stamper(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.clock.signer, FILES[:1])


def short_key(shop: Workshop) -> Iterator[Made]:
    """RSA with 1024 bits; its twin has 2048."""
    good, bad = (shop.root.signer("ps256", key=new_key(kind)) for kind in ("rsa2048", "rsa1024"))
    for name in FILES:
        yield Made.of(name, shop.sealed_by(name, bad), shop.sealed_by(name, good))


def certificate_signed_with_sha1(shop: Workshop) -> Iterator[Made]:
    leaf = signed_with_sha1(x509.load_pem_x509_certificate(shop.signer.chain.encode()), shop.root.key)
    yield from _by(shop, shop.signer, chain=[leaf])


def extension_twice(shop: Workshop) -> Iterator[Made]:
    """A time-stamper's certificate under the trusted root of signers, which some programs cannot read."""
    signer = shop.root.signer(purposes=(TIME_STAMPING,), critical_purposes=True)
    leaf = with_an_extension_twice(x509.load_pem_x509_certificate(signer.chain.encode()), shop.root.key)
    yield from _by(shop, signer, chain=[leaf])


def signed_with_sha1_itself(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.signer, FILES[:1], alg=RS1)


def algorithm_of_another_key(shop: Workshop) -> Iterator[Made]:
    """The header names RSA, the key is one on a curve."""
    yield from _by(shop, shop.signer, FILES[:1], alg=-37)


# --- revocation ---


def revoked(shop: Workshop) -> Iterator[Made]:
    """The authority's answer that says so is stapled to the signature."""
    signer = shop.root.signer()
    for name in FILES:
        forged, genuine = (
            shop.sealed_by(name, signer, staple=stamps.answer(signer, shop.root, revoked=revoked))
            for revoked in (True, False)
        )
        yield Made.of(name, forged, genuine)


def revoked_and_dated_back(shop: Workshop) -> Iterator[Made]:
    """A time-stamp from before the revocation, by an authority that nobody trusts."""
    signer = shop.root.signer(start=days(-60))
    for name in FILES[:1]:
        forged, genuine = (
            shop.sealed_by(
                name, signer, staple=stamps.answer(signer, shop.root, revoked=revoked), stamp=_at(shop.false_clock, -30)
            )
            for revoked in (True, False)
        )
        yield Made.of(name, forged, genuine)


def revoked_in_a_list(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.revoked)


def revoked_in_a_list_and_dated_back(shop: Workshop) -> Iterator[Made]:
    """A time-stamp from before the revocation, by an authority that nobody trusts."""
    yield from _by(shop, shop.revoked, FILES[:1], stamp=_at(shop.false_clock, -30))


def revoked_in_a_list_with_a_good_answer_of_a_stranger(shop: Workshop) -> Iterator[Made]:
    """The signature brings along an answer that it was not revoked, by a responder that nobody appointed."""
    staple = stamps.answer(shop.revoked, shop.root, revoked=False, by=shop.stranger)
    yield from _by(shop, shop.revoked, FILES[:1], staple=staple)


def revoked_after_a_trusted_time_stamp(shop: Workshop) -> Iterator[Made]:
    """No forgery: signed while the certificate was good, as a trusted time-stamp shows."""
    yield from _by(shop, shop.revoked, stamp=_at(shop.clock, -30))


# --- when ---


def expired(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, _lapsed(shop))


def expired_and_stamped_in_time(shop: Workshop) -> Iterator[Made]:
    """No forgery: a trusted time-stamp shows that it was signed before."""
    yield from _by(shop, _lapsed(shop), stamp=_at(shop.clock, -20))


def expired_and_stamped_later(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, _lapsed(shop), stamp=_at(shop.clock, -2))


def expired_and_stamped_by_a_stranger(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, _lapsed(shop), stamp=_at(shop.false_clock, -20))


def expired_and_stamped_for_other_bytes(shop: Workshop) -> Iterator[Made]:
    """A true token of the trusted authority, from another signature."""
    yield from _by(shop, _lapsed(shop), stamp=lambda covered: shop.clock.token(b"other bytes", days(-20)))


def expired_and_stamped_by_a_signer(shop: Workshop) -> Iterator[Made]:
    """By a certificate under the trusted root of signers, which vouches for no time-stamps."""
    clock = stamps.Stamper.under(shop.root)
    yield from _by(shop, _lapsed(shop), stamp=_at(clock, -20))


def expired_and_stamped_without_the_purpose(shop: Workshop) -> Iterator[Made]:
    """Under the trusted root of time-stamps, by a certificate not made out for them."""
    clock = stamps.Stamper.under(shop.time_root, purposes=PURPOSES, critical_purposes=False)
    yield from _by(shop, _lapsed(shop), stamp=_at(clock, -20))


def expired_and_stamped_by_an_expired_stamper(shop: Workshop) -> Iterator[Made]:
    """Whose own certificate had lapsed when it says that it stamped."""
    clock = stamps.Stamper.under(shop.time_root, until=days(-40))
    yield from _by(shop, _lapsed(shop), stamp=_at(clock, -20))


def expired_and_stamped_by_a_stranger_as_before(shop: Workshop) -> Iterator[Made]:
    """In a claim of the first version, whose time-stamps c2pa takes for trusted, whoever made them."""
    values = {**definition(Declaration(), None, opened=False, fmt="image/jpeg"), "claim_version": 1}
    genuine = shop.sign(shop.work("picture.jpg").read_bytes(), "picture.jpg", values)

    def edit(active: Manifest, signer: PrivateSigner) -> None:
        at = days(-20) if signer is not shop.signer else None
        active.seal(signer, stamp_as_before=lambda covered: shop.false_clock.reply(covered, at))

    forged, twin = (
        shop.resealed("picture.jpg", lambda active, by=by: edit(active, by), genuine)
        for by in (_lapsed(shop), shop.signer)
    )
    yield Made.of("picture.jpg", forged, twin)


def stamped_by_a_stranger(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.signer, stamp=shop.false_clock.token)


def stamped_for_other_bytes(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.signer, stamp=lambda covered: shop.clock.token(b"other bytes"))


def not_yet_valid(shop: Workshop) -> Iterator[Made]:
    yield from _by(shop, shop.root.signer(start=days(2)))


def not_yet_valid_and_dated_on(shop: Workshop) -> Iterator[Made]:
    """A time-stamp from within its term, by an authority that nobody trusts."""
    yield from _by(shop, shop.root.signer(start=days(2)), stamp=_at(shop.false_clock, 3))


def dated_back_before_the_start(shop: Workshop) -> Iterator[Made]:
    """The clock of the signer was turned back: the claim tells a day on which its certificate was not there yet."""

    def edit(active: Manifest, signer: Any) -> None:
        for label in ("c2pa.actions.v2", "org.kzlabel.declaration"):
            said = active.value(label)
            for told in (said, *said.get("actions", ())):
                for key in {"when", "created"} & told.keys():
                    told[key] = "2001-01-01T00:00:00Z"
            active.set(label, said)
        active.seal(signer)

    for name in FILES:
        forged, genuine = (
            shop.resealed(name, lambda active, start=start: edit(active, shop.root.signer(start=start)))
            for start in (days(2), days(-2))
        )
        yield Made.of(name, forged, genuine)


def stamped_before_the_start(shop: Workshop) -> Iterator[Made]:
    """A trusted time-stamp shows a time at which the certificate was not valid yet, though it is today."""
    yield from _by(shop, shop.root.signer(start=days(-2)), stamp=_at(shop.clock, -20))


def _by(shop: Workshop, signer: Any, names: tuple[str, ...] = FILES, **how: Any) -> Iterator[Made]:
    """Sealed by this signer; the twin by the trusted one."""
    for name in names:
        yield Made.of(name, shop.sealed_by(name, signer, **how), shop.sealed_by(name, shop.signer))


def _lapsed(shop: Workshop) -> PrivateSigner:
    return shop.root.signer(start=days(-60), until=days(-10))


def _at(clock: stamps.Stamper, day: float) -> Any:
    at: datetime = days(day)
    return lambda covered: clock.token(covered, at)
