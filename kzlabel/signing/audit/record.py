"""One record of the chain: the bytes of one line, and what binds it to the line before."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ... import __version__
from ...inert import inert

# A line with its end, in bytes; ours have some 700. Longer ones are no records, and are never held in memory.
MAX_LINE = 16_384
BEGINNING = b'{"v":1,"seq":'  # of every record
LONGEST = 256  # characters of any text in a record

_START = re.compile(rb'\{"v":1,"seq":([1-9][0-9]{0,17}),"time":"([-0-9T:.]{26}Z)",')
_END = re.compile(rb',"previous":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}')
_END_BYTES = len(',"previous":"') + 64 + len('","hash":"') + 64 + len('"}')
_HASH_BYTES = len(',"hash":"') + 64 + len('"}')
_TORN = re.compile(rb',"after_torn":"([0-9a-f]{64})"')
_TORN_BYTES = len(',"after_torn":"') + 64 + len('"')
_BEGINS = b',"begins":true'


@dataclass(frozen=True)
class Head:
    """The end of a chain: the number of its last record, and that record's hash, 64 hexadecimal digits."""

    seq: int
    hash: str


NOTHING = Head(0, "0" * 64)  # before the first record


@dataclass(frozen=True)
class Signature:
    """What is recorded of one signature: no name of a file, no path, nothing of the key but its fingerprint.

    sha256_before: of the input as it was. sha256_after: of the finished file. sha256_sidecar: of the manifest store
    that goes beside it, if one does. signer: SHA-256 of the signer's certificate. profile: the rules followed.
    time_stamp: tsa-trusted, tsa-untrusted or none. Hashes are hexadecimal.
    """

    identifier: str
    manifest_id: str | None
    sha256_before: str | None
    sha256_after: str
    sha256_sidecar: str | None
    signer: str
    profile: str
    time_stamp: str


class Link(NamedTuple):
    """What a line says of its place in the chain. intact: its hash fits its content."""

    seq: int
    time: str
    previous: str
    hash: str
    begins: bool
    after_torn: str | None
    intact: bool

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash)


def sealed(
    signature: Signature,
    after: Head,
    *,
    now: datetime | None = None,
    begins: bool = False,
    after_torn: str | None = None,
) -> tuple[bytes, Head]:
    """The line of a record that follows `after`, without a line end, and the head of the chain with it.

    The hash is the SHA-256 of all bytes before `,"hash":`. begins: the first of a file. after_torn: SHA-256 of what
    stands between it and the record before, left by a writer that was cut short.
    """
    time = (now or datetime.now(UTC)).astimezone(UTC)
    fields: dict[str, Any] = {
        "v": 1,
        "seq": after.seq + 1,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        **{name: inert(text, LONGEST) if text is not None else None for name, text in asdict(signature).items()},
        "tool": f"kzlabel {__version__}",
    }
    if begins:
        fields["begins"] = True
    if after_torn:
        fields["after_torn"] = after_torn
    fields["previous"] = after.hash
    body = json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii").removesuffix(b"}")
    digest = hashlib.sha256(body).hexdigest()
    return body + f',"hash":"{digest}"}}'.encode("ascii"), Head(after.seq + 1, digest)


def link(line: bytes) -> Link | None:
    """The place in the chain that a line, without its end, says it has; None if it is no record at all."""
    place = len(line) - _END_BYTES
    start, end = _START.match(line), _END.fullmatch(line, max(place, 0))
    if start is None or end is None or len(line) >= MAX_LINE:
        return None
    torn = _TORN.fullmatch(line, place - _TORN_BYTES, place)
    digest = end[2].decode("ascii")
    return Link(
        int(start[1]),
        start[2].decode("ascii"),
        end[1].decode("ascii"),
        digest,
        line.endswith(_BEGINS, 0, place - _TORN_BYTES if torn else place),
        torn[1].decode("ascii") if torn else None,
        hashlib.sha256(line[:-_HASH_BYTES]).hexdigest() == digest,
    )
