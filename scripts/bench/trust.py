"""What trust costs a verification: both C2PA lists, and a time-stamp, against a verification under one anchor."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from measuring import alternating, bench_folder, compare
from works import photo

from kzlabel import Labeller, LabelOptions, Trust, Verifier, VerifyOptions
from kzlabel.trust import default_trust, load_anchor

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests import tsa

RUNS = 200
TARGET_LISTS, TARGET_STAMP = 1.5, 2.5


def main() -> None:
    with bench_folder() as folder, tsa.serving(tsa.authority(folder / "tsa")) as authority:
        picture = photo(folder / "photo.jpg", 1024, 768, quality=80)
        options = LabelOptions(keys=folder / "keys", source_confirmed=True)
        Labeller(options).label(picture, folder / "plain.jpg")
        Labeller(LabelOptions(keys=folder / "keys", tsa=authority.url, tsa_required=True)).label(
            picture, folder / "stamped.jpg"
        )
        root = load_anchor(folder / "keys" / "root.pem")
        tower = load_anchor(folder / "tsa" / "chain.pem")
        lists = default_trust()

        def verify(name: str, trust: Trust, time_source: str) -> Callable[[], object]:
            verifier = Verifier(VerifyOptions(trust=trust))
            found = verifier.verify(folder / name)
            assert (found.kind, found.time_source) == ("verified", time_source), found
            return lambda: verifier.verify(folder / name)

        alone = Trust(anchors=(root,))
        # Our own anchors last: c2pa tries them in order, so that this is the dear case.
        both = Trust(anchors=(*lists.anchors, root), time_anchors=(*lists.time_anchors, tower))
        plain = verify("plain.jpg", alone, "claimed")
        listed = verify("plain.jpg", both, "claimed")
        stamped = verify("stamped.jpg", both, "tsa-trusted")
        costs = alternating(RUNS, plain, listed, stamped)
        size = picture.stat().st_size / 1000
        base = ("one anchor, no time-stamp", costs[0])
        compare(f"verify a JPEG of {size:.0f} KB, both lists", RUNS, TARGET_LISTS, base, ("both lists", costs[1]))
        compare(
            f"verify a JPEG of {size:.0f} KB, both lists and a time-stamp",
            RUNS,
            TARGET_STAMP,
            base,
            ("both lists, trusted time-stamp", costs[2]),
        )


if __name__ == "__main__":
    main()
