"""The registry on both databases: look-up by identifier among 10^4 and 10^6 entries, by fingerprint among as many keys,
and what registering adds to a label.

With --large the 10^6 are included, which takes some minutes and 2 GB of disk. PostgreSQL is started by the tests' own
code, in a temporary folder, without fsync; it is left out where it is not installed.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from measuring import bench_folder
from sqlalchemy import insert, text

from kzlabel import Labeller, LabelOptions
from kzlabel.registry import schema
from kzlabel.registry.database import engine_at, writing
from kzlabel.registry.place import named
from kzlabel.registry.store import Registry, initialise
from kzlabel.signing.development import development_signer

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.registry.server import server

LOOKUPS = 2000
MANIFEST = 64  # bytes of each made-up manifest: what is measured is the search
ROWS = 10_000
KEYS, PRINT = 4, 16  # keys and bytes of each made-up fingerprint: one for every KEYS-th entry, so that keys are as many
ASKED, SIMILAR = 64, 500  # keys of one look-up, of which one fingerprint has KEYS - 1; look-ups
WARM, RUNS = 5, 55
WHO = "5" * 64
ALGORITHM = "org.example.bench.1"


def main() -> None:
    sizes = (10_000, 1_000_000) if "--large" in sys.argv else (10_000,)
    with bench_folder() as folder, ExitStack() as stack:
        urls = {"SQLite": f"sqlite:///{folder / 'bench.db'}"}
        if shutil.which("initdb") or Path("/usr/lib/postgresql").exists():
            urls["PostgreSQL"] = stack.enter_context(server())
        for name, url in urls.items():
            registry = initialise(named(url))
            registry.enrol(WHO)
            filled = 0
            for size in sizes:
                _fill(registry, filled, size)
                filled = size
                _look_up(registry, name, size)
                _similar(registry, name, size)
                _size(registry, name, size)
        os.environ["XDG_STATE_HOME"], os.environ["XDG_CONFIG_HOME"] = str(folder / "state"), str(folder / "config")
        for name, url in urls.items():
            _label(folder, name, url)


def _fill(registry: Registry, start: int, end: int) -> None:
    engine = engine_at(registry.place)
    for first in range(start, end, ROWS):
        numbers = range(first, min(first + ROWS, end))
        entries = list(_entries(numbers))
        with writing(engine, registry.place) as connection:
            connection.execute(
                insert(schema.issued),
                [{"identifier": one["identifier"], "signer": WHO, "issued": 1} for one in entries],
            )
            contents = [
                {"digest": one["manifest"], "size": MANIFEST, "content": _manifest(number)}
                for number, one in zip(numbers, entries, strict=True)
            ]
            connection.execute(insert(schema.manifest), contents)
            connection.execute(insert(schema.entry), entries)
            connection.execute(insert(schema.fingerprint), list(_prints(numbers)))
            connection.execute(insert(schema.lookup), list(_keys(numbers)))
    if registry.place.local:
        with writing(engine, registry.place) as connection:
            connection.execute(text("ANALYZE"))
    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))  # as the server does by itself, within minutes
    engine.dispose()


def _identifier(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()[:12]


def _manifest(number: int) -> bytes:
    return (b"manifest %d" % number).ljust(MANIFEST)


def _entries(numbers: range) -> Iterator[dict[str, object]]:
    for number in numbers:
        digest = hashlib.sha256(_manifest(number)).hexdigest()
        yield {
            "identifier": _identifier(number),
            "watermark": _identifier(number),
            "manifest": digest,
            "manifest_id": f"urn:c2pa:{digest[:36]}",
            "sha256": hashlib.sha256(b"file %d" % number).hexdigest(),
            "signer": WHO,
            "state": "confirmed",
            "created": 1,
            "confirmed": 1,
        }


def _prints(numbers: range) -> Iterator[dict[str, object]]:
    """Entries are numbered from 1 in the order in which they come."""
    for number in numbers[::KEYS]:
        data = hashlib.sha256(b"%d" % number).digest()[:PRINT]
        digest = hashlib.sha256(data).hexdigest()
        yield {"number": number + 1, "entry": number + 1, "algorithm": ALGORITHM, "data": data, "digest": digest}


def _keys(numbers: range) -> Iterator[dict[str, object]]:
    for number in numbers[::KEYS]:
        for key in _keys_of(number):
            yield {"key": key, "fingerprint": number + 1}


def _keys_of(number: int) -> list[int]:
    """Spread evenly, three of four its own; one of a thousand that all share, as many as a picture's flat parts do."""
    chance = random.Random(number)
    return [*(chance.randrange(1 << 63) for _ in range(KEYS - 1)), chance.randrange(1000)]


def _similar(registry: Registry, name: str, size: int) -> None:
    """By keys of which one fingerprint has all but one; in half of the look-ups only keys that many share are known."""
    chance = random.Random(2)
    times = []
    for at in range(SIMILAR):
        number = chance.randrange(size // KEYS) * KEYS
        mine = _keys_of(number)[: KEYS - 1] if at % 2 else []
        shared = [chance.randrange(1000) for _ in range(4)]
        asked = [*mine, *shared, *(chance.randrange(1 << 63) for _ in range(ASKED - len(mine) - len(shared)))]
        began = time.perf_counter()
        found = registry.similar(ALGORITHM, asked)
        times.append(time.perf_counter() - began)
        assert not mine or found[0].kept.entry.identifier == _identifier(number)
    print(
        f"{name}, {size:,} keys: look-up by {ASKED} keys p50 {median(times) * 1e3:.2f} ms, "
        f"p95 {quantiles(times, n=20)[-1] * 1e3:.2f} ms (n={SIMILAR})",
        flush=True,
    )


def _look_up(registry: Registry, name: str, size: int) -> None:
    """Entry and manifest, by the identifier; half of those asked for are unknown."""
    chance = random.Random(1)
    times = []
    for number in range(LOOKUPS):
        wanted = _identifier(chance.randrange(size) if number % 2 else size * 10 + number)
        began = time.perf_counter()
        found = registry.find(wanted)
        if found:
            registry.manifest(found[0].entry.manifest)
        times.append(time.perf_counter() - began)
        assert len(found) == number % 2
    print(
        f"{name}, {size:,} entries: look-up p50 {median(times) * 1e3:.2f} ms, "
        f"p95 {quantiles(times, n=20)[-1] * 1e3:.2f} ms (n={LOOKUPS})",
        flush=True,
    )


def _size(registry: Registry, name: str, size: int) -> None:
    with engine_at(registry.place).connect() as connection:
        if registry.place.file is not None:
            total = connection.execute(text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
        else:
            total = connection.execute(text("SELECT pg_database_size(current_database())"))
        each = total.scalar_one() / size - MANIFEST
        print(f"{name}, {size:,} entries: {each:.0f} bytes an entry with one key, without manifests")


def _label(folder: Path, name: str, url: str) -> None:
    """The same text labelled with and without a registry, in turns; wall time, and CPU time of this process."""
    source = folder / "text.txt"
    source.write_text("A text about something else. " * 100)
    labellers = [Labeller(LabelOptions(registry=which, overwrite=True)) for which in ("none", url)]
    with_registry = labellers[1].label(source)
    signer = development_signer(folder / "config" / "kzlabel" / "keys")
    named(url).open().enrol(signer.fingerprint)
    assert with_registry.status == "labelled"
    labellers[1] = Labeller(LabelOptions(registry=url, registry_required=True, overwrite=True))
    spent: list[list[tuple[float, float]]] = [[], []]
    for _ in range(WARM + RUNS):
        for labeller, times in zip(labellers, spent, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            labeller.label(source)
            times.append((time.perf_counter() - wall, time.process_time() - cpu))
    without, with_ = ([median(column) for column in zip(*times[WARM:], strict=True)] for times in spent)
    print(
        f"{name}: registering adds {(with_[0] - without[0]) * 1e3:.1f} ms to a label, "
        f"{(with_[1] - without[1]) * 1e3:.1f} ms of them CPU here (median of {RUNS})"
    )


if __name__ == "__main__":
    main()
