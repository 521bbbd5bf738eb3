"""What an answer on revocation makes of a manifest, as validation codes.

C2PA 2.4, 15.9, has codes for OCSP alone, and leaves lists aside; those of lists are our own.
"""

from __future__ import annotations

from datetime import datetime

from ..trust.revocation import STRANGER, Answer, RevocationChecker, Status
from . import codes, manifest_reading

_BY_OCSP = {
    Status.GOOD: "signingCredential.ocsp.notRevoked",
    Status.REVOKED: "signingCredential.ocsp.revoked",
    Status.UNKNOWN: codes.OCSP_UNKNOWN,
    Status.NOT_CHECKED: codes.OCSP_INACCESSIBLE,
}
_BY_LIST = {Status.GOOD: codes.NOT_IN_LIST, Status.REVOKED: codes.IN_LIST}


def answer(checker: RevocationChecker, chain: tuple[bytes, ...], *, trusted: bool, proven: datetime | None) -> Answer:
    """Whether the signer was revoked. chain: as `signer_chain` gives it. proven: the time of a trusted time-stamp.

    Only for a manifest that holds otherwise. A stranger's certificate is never a reason to touch the network.
    """
    return checker.check(chain, proven) if trusted and chain else STRANGER


def status(answer: Answer) -> tuple[str, manifest_reading.Status]:
    """The code, and its kind: success, informational or failure."""
    told = Status.GOOD if answer.status is Status.REVOKED and not answer.counts else answer.status
    if answer == STRANGER:
        return "informational", manifest_reading.Status(codes.OCSP_SKIPPED, _sentence(answer))
    code = (_BY_LIST if answer.method == "crl" else {}).get(told, _BY_OCSP[told])
    kind = {Status.GOOD: "success", Status.REVOKED: "failure"}.get(told, "informational")
    return kind, manifest_reading.Status(code, _sentence(answer))


def _sentence(answer: Answer) -> str:
    if answer.status is Status.REVOKED:
        whose = "the certificate of an authority above the signer" if answer.certificate else "the signer's certificate"
        day = f" on {answer.revoked_at.date().isoformat()}" if answer.revoked_at else ""
        return f"{whose} was revoked{day}" + (f" ({answer.reason})" if answer.reason else "")
    return answer.why or "not revoked"
