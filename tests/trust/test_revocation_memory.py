"""What is remembered, in memory and in a folder, and for how long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from kzlabel.trust import Anchor
from kzlabel.trust.revocation import Mode, Revocation, RevocationChecker, Status
from kzlabel.trust.revocation import cache as cache_module
from kzlabel.trust.revocation.cache import AnswerCache

from .. import pki
from .responder import Web, addresses, certificates, chain, delegate, issuer, revocation_list, web

ADDRESS = "/authority.crl"


@pytest.fixture
def served() -> Iterator[Web]:
    with web() as server:
        yield server


def authority(served: Web) -> pki.PrivateSigner:
    signer = pki.signer(extensions=addresses(crl=served.url + ADDRESS))
    served.pages[ADDRESS] = revocation_list(issuer(signer), signer.issuers[0])
    return signer


def checker(signer: pki.PrivateSigner, **options: Any) -> RevocationChecker:
    clock = {"now": options.pop("now")} if "now" in options else {}
    return RevocationChecker(Revocation(Mode.CRL, **options), [Anchor("root.pem", None, signer.root)], **clock)


def test_a_signer_is_asked_about_once(served: Web) -> None:
    signer = authority(served)
    warm = checker(signer)
    assert [warm.check(chain(signer), None).status for _ in range(3)] == [Status.GOOD] * 3
    assert served.asked == [ADDRESS]


def test_threads_share_one_question(served: Web) -> None:
    signer = authority(served)
    warm = checker(signer)
    threads = [threading.Thread(target=warm.check, args=(chain(signer), None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served.asked == [ADDRESS]


def test_the_same_answer_is_judged_for_each_time_of_signing(served: Web) -> None:
    signer = authority(served)
    when = datetime.now(UTC) - timedelta(days=1)
    served.pages[ADDRESS] = revocation_list(
        issuer(signer), signer.issuers[0], certificates(signer.chain)[:1], at=when, reason=None
    )
    warm = checker(signer)
    assert warm.check(chain(signer), None).counts
    assert not warm.check(chain(signer), when - timedelta(hours=1)).counts
    assert served.asked == [ADDRESS]


def test_an_answer_is_asked_anew_when_it_ends_and_after_a_day_at_the_latest(served: Web) -> None:
    signer = authority(served)
    hours = [0.0]
    start = datetime.now(UTC)
    warm = checker(signer, now=lambda: start + timedelta(hours=hours[0]))
    for hours[0] in (0, 23, 25, 26):
        assert warm.check(chain(signer), None).status is Status.GOOD
    assert len(served.asked) == 2


def test_a_failure_is_tried_again_after_a_while_only(served: Web) -> None:
    signer = authority(served)
    good, served.pages[ADDRESS] = served.pages[ADDRESS], 503
    seconds = [0.0]
    start = datetime.now(UTC)
    warm = checker(signer, now=lambda: start + timedelta(seconds=seconds[0]))
    for seconds[0] in (0, 10, 290):
        assert warm.check(chain(signer), None).status is Status.NOT_CHECKED
    assert len(served.asked) == 1
    served.pages[ADDRESS] = good
    seconds[0] = 310
    assert warm.check(chain(signer), None).status is Status.GOOD


def test_a_silent_server_is_not_asked_for_the_next_signer_either(served: Web) -> None:
    signer = authority(served)
    served.pages[ADDRESS] = 503
    warm = checker(signer)
    second, _ = delegate(issuer(signer), signer.issuers[0], extensions=addresses(crl=served.url + ADDRESS))
    for one in (chain(signer), [second.public_bytes(Encoding.DER)]):
        answer = warm.check(one, None)
        assert answer.status is Status.NOT_CHECKED
        assert "status 503" in str(answer.why)
    assert served.asked == [ADDRESS]


def test_another_process_finds_the_answer_in_the_folder(served: Web, tmp_path: Path) -> None:
    signer = authority(served)
    for _ in range(3):
        assert checker(signer, cache=tmp_path / "answers").check(chain(signer), None).status is Status.GOOD
    assert served.asked == [ADDRESS]
    assert [path.suffix for path in (tmp_path / "answers").iterdir()] == [".der"]


def test_what_somebody_else_put_into_the_folder_is_not_believed(served: Web, tmp_path: Path) -> None:
    signer, forger = authority(served), pki.signer()
    folder = tmp_path / "answers"
    served.pages[ADDRESS] = revocation_list(issuer(signer), signer.issuers[0], certificates(signer.chain)[:1])
    assert checker(signer, cache=folder).check(chain(signer), None).counts
    (file,) = folder.iterdir()
    for forged in (revocation_list(issuer(forger), forger.issuers[0]), b"", b"\x30\x80", os.urandom(500)):
        file.write_bytes(forged)
        assert checker(signer, cache=folder).check(chain(signer), None).counts
    assert len(served.asked) == 5


def test_an_answer_that_ended_in_the_folder_is_asked_anew(served: Web, tmp_path: Path) -> None:
    signer = authority(served)
    folder = tmp_path / "answers"
    checker(signer, cache=folder).check(chain(signer), None)
    later = datetime.now(UTC) + timedelta(days=8)
    served.pages[ADDRESS] = 503
    answer = checker(signer, cache=folder, now=lambda: later).check(chain(signer), None)
    assert answer.status is Status.NOT_CHECKED
    (file,) = folder.iterdir()
    os.utime(file, (time.time() - 2 * 86400,) * 2)
    assert checker(signer, cache=folder).check(chain(signer), None).status is Status.NOT_CHECKED
    assert len(served.asked) == 3


def test_a_folder_that_cannot_be_written_keeps_nothing_and_breaks_nothing(served: Web, tmp_path: Path) -> None:
    signer = authority(served)
    (tmp_path / "file").touch()
    assert checker(signer, cache=tmp_path / "file" / "answers").check(chain(signer), None).status is Status.GOOD


def test_failures_are_not_kept_in_the_folder(served: Web, tmp_path: Path) -> None:
    signer = authority(served)
    served.pages[ADDRESS] = b"no list"
    assert checker(signer, cache=tmp_path).check(chain(signer), None).status is Status.NOT_CHECKED
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_FILES", 10)
    kept = AnswerCache(tmp_path, 60)
    for number in range(40):
        kept.save(b"%d" % number, data=b"x")
    assert len(list(tmp_path.iterdir())) <= 10
    assert kept.load(b"39", limit=10) == b"x"
    monkeypatch.setattr(cache_module, "MAX_BYTES", 1000)
    for number in range(5):
        kept.save(b"%d" % number, data=b"x" * 400)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000


def test_parts_of_a_key_do_not_run_together(tmp_path: Path) -> None:
    kept = AnswerCache(tmp_path, 60)
    kept.save(b"ab", b"c", data=b"1")
    assert kept.load(b"a", b"bc", limit=10) is None
    assert kept.load(b"ab", b"c", limit=0) is None


def test_what_many_write_at_once_is_read_whole(tmp_path: Path) -> None:
    read: list[bytes | None] = []

    def work(letter: bytes) -> None:
        kept = AnswerCache(tmp_path, 60)
        for _ in range(20):
            kept.save(b"key", data=letter * 50_000)
            read.append(kept.load(b"key", limit=1 << 20))

    threads = [threading.Thread(target=work, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 80
    assert {(len(data), len(set(data))) for data in read if data is not None} == {(50_000, 1)}
    assert len(list(tmp_path.iterdir())) == 1
