"""The use case "verify one file", warm for many calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..files import scratch, spool, writing
from ..limits import DEFAULT_LIMITS, Limits
from ..media import formats
from ..media.programs.ffmpeg import Programs
from ..registry.place import place_of
from ..trust import NOBODY, Policy, Trust
from ..trust.revocation import OFF, Revocation, RevocationChecker
from ..watermark.keys import WatermarkKey
from .collect import Collector
from .judge import judge
from .recovery import Recovery
from .verdict import Verdict


@dataclass(frozen=True)
class VerifyOptions:
    """How to verify, the same for many files. trust: whom to believe. policy: what to accept.

    revocation: whether to ask if trusted signers were revoked; nothing is asked by default. watermark: whether to
    search the content itself for marks, which takes a decoding. watermark_keys: secret keys, beside the open one.
    registry: where a mark may lead to the signed manifest: `postgresql://…`, `sqlite:///PATH`, `https://…`, or `none`;
    None for the one in the user's state folder, if one was initialised.
    ffmpeg: the program that decodes films and recordings, None for the one that comes with kzlabel.
    """

    trust: Trust = NOBODY
    policy: Policy = field(default_factory=Policy)
    limits: Limits = DEFAULT_LIMITS
    revocation: Revocation = OFF
    watermark: bool = True
    watermark_keys: tuple[WatermarkKey, ...] = ()
    registry: str | None = None
    ffmpeg: str | None = None


class Verifier:
    """Verifies files, bytes and file objects; keeps trust anchors and formats warm. Safe for threads."""

    def __init__(self, options: VerifyOptions | None = None) -> None:
        self.options = options or VerifyOptions()
        asked = self.options.revocation.asked
        checker = RevocationChecker(self.options.revocation, self.options.trust.anchors) if asked else None
        programs = Programs(ffmpeg=self.options.ffmpeg)
        place = place_of(self.options.registry)
        keys = (WatermarkKey(), *self.options.watermark_keys) if self.options.watermark else ()
        self._collector = Collector(
            trust=self.options.trust,
            limits=self.options.limits,
            revocation=checker,
            watermark_keys=keys,
            recovery=Recovery(place, self.options.trust, self.options.limits, checker, keys) if place else None,
            formats=tuple(format.using(programs) for format in formats()),
        )

    def verify(
        self,
        source: Path | str | bytes | BinaryIO,
        *,
        name: str | None = None,
        sidecar: Path | None = None,
    ) -> Verdict:
        """The verdict on one file.

        source: a path, the bytes themselves, or an open binary file. name: how to call it, also a hint between plain
        text and Markdown. sidecar: a manifest store to use, else NAME.EXT.c2pa and NAME.c2pa are looked for.
        A file that cannot be parsed yields the verdict `unreadable`; only a bad `sidecar` raises InputError.
        """
        if isinstance(source, str | Path):
            return self._judge(Path(source), name or str(source), sidecar)
        with scratch() as room:
            path = room / "input"
            if isinstance(source, bytes):
                with writing(path):
                    path.write_bytes(source)
            else:
                path = spool(source, room, limit=self.options.limits.max_spool_bytes)
            return self._judge(path, name or "-", sidecar)

    def _judge(self, path: Path, name: str, sidecar: Path | None) -> Verdict:
        return judge(self._collector.collect(path, name=name, beside=sidecar).evidence, self.options.policy)
