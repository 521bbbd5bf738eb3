"""Labelling a film of H.264 in 1080p, against a bare overlay of the same badge at the same encoder settings."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from measuring import alternating, bench_folder, compare
from works import film

from kzlabel import Labeller, LabelOptions
from kzlabel.declaration import Source
from kzlabel.limits import DEFAULT_LIMITS
from kzlabel.media.films import Mp4
from kzlabel.media.films.boxes import UPRIGHT
from kzlabel.media.films.encoders import encoder
from kzlabel.media.films.stamp import stamp
from kzlabel.media.programs.ffmpeg import find
from kzlabel.media.programs.packets import census
from kzlabel.media.programs.probe import probe

TARGET = 1.10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of film; default: 60")
    parser.add_argument("--film", type=Path, help="a film of your own, MP4 with H.264, in place of one made here")
    parser.add_argument("--runs", type=int, default=3, help="that count, of each; default: 3")
    asked = parser.parse_args()
    with bench_folder() as folder:
        source = asked.film or film(folder / "film.mp4", asked.seconds)
        what = source.name if asked.film else f"1920x1080, {asked.seconds:.0f} s"
        labeller = Labeller(LabelOptions(overwrite=True, watermark=False))
        command = bare_overlay(source, folder)
        costs = alternating(
            asked.runs,
            lambda: subprocess.run(command, check=True),
            lambda: labeller.label(source, folder / "labelled.mp4"),
        )
        compare(
            f"label a film of H.264 without a watermark, {what}, {source.stat().st_size / 1e6:.1f} MB",
            asked.runs,
            TARGET,
            ("ffmpeg: overlay, encode", costs[0]),
            ("Labeller.label: disclosure, metadata, manifest, read back", costs[1]),
        )


def bare_overlay(source: Path, folder: Path) -> list[str]:
    """What somebody would type who wants this badge, and nothing else, in the film at these settings."""
    probed = probe(source, demuxer=Mp4.demuxer, limits=DEFAULT_LIMITS)
    counted = census(source, probed, demuxer=Mp4.demuxer, limits=DEFAULT_LIMITS)
    picture = probed.films[0]
    badge = stamp(picture, UPRIGHT, LabelOptions().plan(Source.GENERATED))
    badge.picture.save(folder / "badge.png")
    options = encoder(picture, counted.tracks[picture.index])
    told = [part for name, value in options.items() for part in (f"-{name}:v", str(value))]
    return [
        *(find(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-i", str(source)),
        *("-i", str(folder / "badge.png"), "-filter_complex", f"[0:v][1:v]overlay={badge.x}:{badge.y}"),
        *(*told, "-c:a", "copy", str(folder / "bare.mp4")),
    ]


if __name__ == "__main__":
    main()
