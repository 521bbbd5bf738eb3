"""A claim's signature, COSE_Sign1 (RFC 9052), with every field open to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

ALG, X5CHAIN = 1, 33  # RFC 9052, RFC 9360
OLD_X5CHAIN = "x5chain"  # C2PA before 2.0
ALGORITHMS = {"es256": -7, "es384": -35, "es512": -36, "ps256": -37, "ps384": -38, "ps512": -39, "ed25519": -8}


@dataclass
class Signature:
    """protected: the header that is signed, in bytes. pad: how many bytes fill the place that was kept for it."""

    protected: bytes
    unprotected: dict[Any, Any] = field(default_factory=dict)
    payload: bytes | None = None
    value: bytes = b""
    pad: int = 0

    @classmethod
    def of(cls, data: bytes) -> Signature:
        protected, unprotected, payload, value = cbor2.loads(data).value
        return cls(
            protected,
            {key: entry for key, entry in unprotected.items() if key != "pad"},
            payload,
            value,
            len(unprotected.get("pad", b"")),
        )

    @classmethod
    def made(
        cls,
        signer: Any,
        claim: bytes,
        *,
        chain: Sequence[bytes] | None = None,
        alg: int | None = None,
        in_the_open: bool = False,
        header: Mapping[Any, Any] | None = None,
        payload: bytes | None = None,
        stamp: Callable[[bytes], bytes] | None = None,
        stamp_as_before: Callable[[bytes], bytes] | None = None,
        staple: bytes | None = None,
    ) -> Signature:
        """A signature over `claim`.

        signer: has `alg`, `chain` and `sign`. chain: DER of other certificates than its own. alg: another number in
        the header. in_the_open: the chain stands in the header that nothing covers. header: what the one that is signed
        holds in place of the chain. payload: put inside, where nothing
        belongs. stamp: yields a time-stamp token for what a time-stamp covers. stamp_as_before: the
        same as claims of the first version had it. staple: an OCSP answer.
        """
        chain = certificates(signer.chain) if chain is None else chain
        told = chain[0] if len(chain) == 1 else list(chain)
        if header is None:
            header = {} if in_the_open else {X5CHAIN: told}
        protected = {ALG: ALGORITHMS[signer.alg] if alg is None else alg, **header}
        made = cls(cbor2.dumps(protected), {X5CHAIN: told} if in_the_open else {}, payload)
        made.value = signer.sign(cbor2.dumps(["Signature1", made.protected, b"", claim]))
        if stamp:
            covered = cbor2.dumps(["CounterSignature", made.protected, b"", cbor2.dumps(made.value)])
            made.unprotected["sigTst2"] = {"tstTokens": [{"val": stamp(covered)}]}
        if stamp_as_before:
            covered = cbor2.dumps(["CounterSignature", made.protected, b"", claim])
            made.unprotected["sigTst"] = {"tstTokens": [{"val": stamp_as_before(covered)}]}
        if staple:
            made.unprotected["rVals"] = {"ocspVals": [staple]}
        return made

    @property
    def whole(self) -> bytes:
        padding = {"pad": bytes(self.pad)} if self.pad else {}
        return cbor2.dumps(
            cbor2.CBORTag(18, [self.protected, {**self.unprotected, **padding}, self.payload, self.value])
        )


def certificates(pem: str) -> list[bytes]:
    """DER of each certificate in a PEM chain."""
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem.encode())]
