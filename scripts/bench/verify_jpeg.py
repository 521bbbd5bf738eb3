"""Verifying a signed JPEG of 1.3 MB, against c2pa's bare reading in the same process with the same settings."""

from __future__ import annotations

import hashlib
import os
from io import BytesIO

import c2pa
from measuring import alternating, bench_folder, compare
from works import photo

from kzlabel import Labeller, Verifier, VerifyOptions
from kzlabel.marks import manifest
from kzlabel.trust import NOBODY

RUNS = 200
TARGET = 2.0


def main() -> None:
    with bench_folder() as folder:
        signed = folder / "signed.jpg"
        Labeller().label(photo(folder / "photo.jpg", 3360, 2520), signed)
        context = manifest._context(NOBODY, os.getpid())
        verifier = Verifier(VerifyOptions(watermark=False))

        def bare() -> None:
            with signed.open("rb") as file, c2pa.Reader("image/jpeg", file, context=context) as reader:
                reader.json()

        def bare_and_hash() -> None:
            data = signed.read_bytes()
            hashlib.sha256(data)
            with c2pa.Reader("image/jpeg", BytesIO(data), context=context) as reader:
                reader.json()

        def verify() -> None:
            verifier.verify(signed).to_json()

        costs = alternating(RUNS, bare, verify)
        compare(
            f"verify a signed JPEG of {signed.stat().st_size / 1e6:.2f} MB",
            RUNS,
            TARGET,
            ("c2pa.Reader(...).json()", costs[0]),
            ("Verifier.verify: manifest, metadata, sha256, verdict", costs[1]),
        )
        alone = alternating(RUNS, bare, bare_and_hash)
        print(f"  of which c2pa and sha256 alone, without any of our own code: {alone[1].cpu / alone[0].cpu:.2f}")


if __name__ == "__main__":
    main()
