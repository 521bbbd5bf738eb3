"""C2PA validation codes, sorted by what they mean for a verdict.

Source: C2PA 2.4, section 15.2.2 (standard status codes). A failure that stands in none of these sets makes a manifest
INVALID: it is there and cannot be judged.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..evidence import State

# Something that was signed is not as it was when it was signed.
TAMPERED = frozenset(
    {
        "claimSignature.mismatch",
        "assertion.hashedURI.mismatch",
        "hashedURI.mismatch",  # of a nested reference
        "assertion.missing",  # the claim lists it, the store lacks it
        "assertion.undeclared",  # the store holds it, the claim does not list it
        "assertion.dataHash.mismatch",
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.mismatch",
        "assertion.boxesHash.unknownBox",
        "assertion.collectionHash.mismatch",
        "assertion.collectionHash.incorrectFileCount",
        "assertion.multiAssetHash.mismatch",
        "assertion.multiAssetHash.missingPart",
    }
)

# Of these, the hard bindings: they tie the manifest to this content, and no other.
BINDING = frozenset(code for code in TAMPERED if "Hash." in code)

# Without these two, nothing was shown to hold.
SIGNATURE_HOLDS = "claimSignature.validated"
BINDING_HOLDS = frozenset(
    f"assertion.{kind}.match" for kind in ("dataHash", "bmffHash", "boxesHash", "collectionHash", "multiAssetHash")
)

# The certificate had expired, or was not yet valid, at the only time that is known for the signature.
EXPIRED = frozenset({"signingCredential.expired", "claimSignature.outsideValidity"})

# Whether the certificate was revoked: nobody was asked; nobody who knows could be asked; they do not know it.
OCSP_SKIPPED = "signingCredential.ocsp.skipped"
OCSP_INACCESSIBLE = "signingCredential.ocsp.inaccessible"
OCSP_UNKNOWN = "signingCredential.ocsp.unknown"

# Failures in the specification's sense that leave the manifest as good as it is: nobody vouches for the signer, a
# time-stamp is of no use, a revocation answer is not there, an identity beside the signer's (CAWG) is not confirmed.
HARMLESS = frozenset(
    {
        "signingCredential.untrusted",
        OCSP_SKIPPED,
        OCSP_INACCESSIBLE,
        OCSP_UNKNOWN,
    }
)
HARMLESS_FAMILIES = ("timeStamp.", "cawg.")

# These speak about an ingredient, whose own state they decide.
INGREDIENT_FAMILY = "ingredient."
INGREDIENT_TAMPERED = frozenset({"ingredient.manifest.mismatch", "ingredient.claimSignature.mismatch"})

# An algorithm that is not on the allowed list.
UNSUPPORTED = "algorithm.unsupported"

# Our own, for what has no code in the specification.
UNREADABLE = "kzlabel.manifest.unreadable"
REMOTE = "kzlabel.manifest.remote"
UNPROVEN = "kzlabel.manifest.unproven"
PARTIAL = "kzlabel.binding.partial"
NOT_PARSED = "kzlabel.file.unparsable"
IN_LIST = "kzlabel.crl.revoked"  # by a revocation list; the specification knows OCSP alone
NOT_IN_LIST = "kzlabel.crl.notRevoked"


def state_of(failures: Iterable[str]) -> State:
    """What the failure codes of one manifest make of it: the gravest counts."""
    counted = {code for code in failures if not _harmless(code)}
    if counted & (TAMPERED | INGREDIENT_TAMPERED):
        return State.TAMPERED
    if counted - EXPIRED:
        return State.INVALID
    return State.EXPIRED if counted else State.VALID


def _harmless(code: str) -> bool:
    return code in HARMLESS or code.startswith(HARMLESS_FAMILIES)
