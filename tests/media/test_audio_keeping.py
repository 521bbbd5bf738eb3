"""What stands beside the sound is there afterwards, as mutagen and raw bytes tell."""

from __future__ import annotations

import struct
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.riff import WAV
from kzlabel.disclosure.plan import DisclosurePlan
from kzlabel.limits import DEFAULT_LIMITS
from kzlabel.media import Rendered, RenderPlan, detect
from kzlabel.media.audio import FORMATS
from kzlabel.media.audio.waves import read_wave
from tests.media.sounds import encoded, exact, ffmpeg, speech

mutagen = pytest.importorskip("mutagen")

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40  # its bytes count here, not what they show
MANIFEST = b"jumbf of an earlier manifest"


def label(source: Path, slots: Slots | None = None) -> tuple[Path, Rendered]:
    format = detect(source.read_bytes()[:65536], source.name, FORMATS)
    assert format
    target = source.with_name(f"labelled-{source.name}")
    plan = RenderPlan(disclosure=DisclosurePlan(), slots=slots or Slots())
    rendered = format.render(source, target, plan)
    format.check(source, target, rendered, DEFAULT_LIMITS)
    return target, rendered


def seconds(rendered: Rendered) -> float:
    assert rendered.disclosure
    assert rendered.disclosure.seconds
    return rendered.disclosure.seconds[1]


@pytest.mark.parametrize("version", [3, 4])
def test_every_id3_frame_of_an_mp3_is_kept_and_chapters_move(version: int, tmp_path: Path) -> None:
    from mutagen import id3

    source = encoded(tmp_path / "a.mp3", speech(1), 48_000)
    tags = id3.ID3()
    chapter = {"start_offset": 0xFFFFFFFF, "end_offset": 0xFFFFFFFF}
    for frame in (
        id3.TIT2(encoding=3, text="Дала әні"),
        id3.TXXX(encoding=3, desc="ISRC", text=["KZ1", "KZ2"]),
        id3.COMM(encoding=3, lang="kaz", desc="", text="Пікір"),
        id3.COMM(encoding=3, lang="eng", desc="x", text="A comment"),
        id3.USLT(encoding=3, lang="kaz", desc="", text="Өлең\nсөздері"),
        id3.PRIV(owner="tool.example", data=b"\x00\xff\x01private"),
        id3.GEOB(encoding=0, mime="application/x-thing", filename="f", desc="d", data=b"\xff\x00object"),
        id3.GEOB(encoding=0, mime="application/c2pa", filename="c2pa", desc="c2pa manifest store", data=MANIFEST),
        id3.APIC(encoding=0, mime="image/png", type=3, desc="cover", data=PICTURE),
        id3.POPM(email="a@example.org", rating=200, count=7),
        id3.TLEN(encoding=3, text="1000"),
        id3.COMM(encoding=0, lang="eng", desc="iTunSMPB", text=" 00000000 00000840 000001C0 0000000000046D00"),
        id3.CTOC(element_id="toc", flags=3, child_element_ids=["one"], sub_frames=[]),
        id3.CHAP(
            element_id="one", start_time=100, end_time=900, sub_frames=[id3.TIT2(encoding=3, text="I")], **chapter
        ),
    ):
        tags.add(frame)
    tags.save(source, v2_version=version)
    target, rendered = label(source, Slots(tags=(Tag("DigitalSourceType", "ai"),)))
    before, after = id3.ID3(source, translate=False), id3.ID3(target, translate=False)
    assert after.version[1] == version
    assert after["TXXX:DigitalSourceType"].text == ["ai"]
    for key, frame in before.items():
        if key.startswith("CHAP"):
            assert after[key].start_time == 100 + round(seconds(rendered) * 1000)
            assert after[key].end_time == 900 + round(seconds(rendered) * 1000)
            assert after[key].sub_frames["TIT2"].text == ["I"]
        elif key == "TLEN":
            assert +after[key] == 1000 + round(seconds(rendered) * 1000)
        elif "c2pa" not in key and "iTunSMPB" not in key:
            assert after[key] == frame, key
    assert MANIFEST not in target.read_bytes()
    assert not any("iTunSMPB" in key for key in after)


def test_tags_at_the_end_of_an_mp3_are_kept(tmp_path: Path) -> None:
    from mutagen.apev2 import APEv2
    from mutagen.mp3 import MP3

    source = encoded(tmp_path / "a.mp3", speech(1), 48_000)
    ape = APEv2()
    ape["Title"] = "Күй"
    ape.save(source)
    with source.open("ab") as file:
        file.write(b"TAG" + b"Kui".ljust(30, b"\0") + bytes(94) + b"\x11")
    target, rendered = label(source)
    assert APEv2(target)["Title"] == "Күй"
    assert target.read_bytes()[-128:] == source.read_bytes()[-128:]
    assert MP3(target).info.length == pytest.approx(1 + seconds(rendered), abs=0.1)


def test_every_block_of_a_flac_is_kept_and_cues_move(tmp_path: Path) -> None:
    from mutagen.flac import FLAC, CueSheet, CueSheetTrack, CueSheetTrackIndex, Picture

    source = encoded(tmp_path / "a.flac", speech(1, 44_100), 44_100, "-sample_fmt", "s16")
    file = FLAC(source)
    file["artist"] = ["Бірінші", "Second"]
    file["CHAPTER000"] = "00:00:00.250"
    file["CHAPTER000NAME"] = "Басы"
    picture = Picture()
    picture.data, picture.mime, picture.type = PICTURE, "image/png", 3
    file.add_picture(picture)
    file.cuesheet = CueSheet(bytes(396))
    for number, offset in ((1, 4410), (170, 44_100)):
        track = CueSheetTrack(number, offset)
        track.indexes = [CueSheetTrackIndex(1, 0)] if number < 170 else []
        file.cuesheet.tracks.append(track)
    file.save()
    _add_application(source)
    target, rendered = label(source, Slots(tags=(Tag("DigitalSourceType", "ai"),)))
    after = FLAC(target)
    assert after["artist"] == ["Бірінші", "Second"]
    assert after["digitalsourcetype"] == ["ai"]
    assert after["chapter000"] == [f"00:00:{0.25 + seconds(rendered):06.3f}"]
    assert after["chapter000name"] == ["Басы"]
    assert after.pictures[0].data == PICTURE
    moved = round(seconds(rendered) * 44_100)
    assert [track.start_offset for track in after.cuesheet.tracks] == [4410 + moved, 44_100 + moved]
    assert any(block.code == 2 and block.write() == b"testdata" for block in after.metadata_blocks)


@pytest.mark.parametrize("order", ["first", "last"])
def test_items_covers_and_chapters_of_an_m4a_are_kept(order: str, tmp_path: Path) -> None:
    from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm

    plain = encoded(tmp_path / "plain.m4a", speech(2), 48_000)
    book = tmp_path / "chapters.txt"
    book.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=Бір\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n",
        encoding="utf-8",
    )
    source = tmp_path / "a.m4a"
    fast = ["-movflags", "+faststart"] if order == "first" else []
    ffmpeg("-i", str(plain), "-i", str(book), "-map_chapters", "1", "-map", "0", "-c", "copy", *fast, str(source))
    file = MP4(source)
    file["\xa9nam"] = ["Аты"]
    file["\xa9ART"] = ["One", "Екі"]
    file["trkn"] = [(3, 9)]
    file["covr"] = [MP4Cover(PICTURE, MP4Cover.FORMAT_PNG)]
    file["----:com.example:thing"] = [MP4FreeForm(b"free \xd2\x9b")]
    gapless = "----:com.apple.iTunes:iTunSMPB"
    file[gapless] = [b" 00000000 00000840 000001C0 0000000000016D00"]
    file.save()
    target, rendered = label(source, Slots(tags=(Tag("DigitalSourceType", "ai"),)))
    after = MP4(target)
    assert gapless not in after
    for key, value in file.tags.items():
        assert key == gapless or after[key] == value, key
    assert after["----:com.apple.iTunes:DigitalSourceType"] == [b"ai"]
    starts = [chapter.start for chapter in after.chapters]
    assert starts == pytest.approx([seconds(rendered), 1 + seconds(rendered)], abs=0.01)
    assert [chapter.title for chapter in after.chapters] == ["Бір", "Two"]
    data = target.read_bytes()
    assert (data.index(b"moov") < data.index(b"mdat")) == (order == "first")


@pytest.mark.parametrize("name", ["a.ogg", "a.opus"])
def test_comments_and_covers_of_ogg_are_kept_and_chapters_move(name: str, tmp_path: Path) -> None:
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    codec = ("-c:a", "libvorbis") if name.endswith("ogg") else ()
    kind: Any = OggVorbis if codec else OggOpus
    source = encoded(tmp_path / name, speech(1), 48_000, *codec)
    file = kind(source)
    file["artist"] = ["Бірінші", "Second"]
    file["metadata_block_picture"] = [b64encode(PICTURE).decode()]
    file["chapter001"] = ["00:00:00.500"]
    file.save()
    target, rendered = label(source, Slots(tags=(Tag("DigitalSourceType", "ai"),)))
    after = kind(target)
    assert after["artist"] == ["Бірінші", "Second"]
    assert after["metadata_block_picture"] == [b64encode(PICTURE).decode()]
    assert after["digitalsourcetype"] == ["ai"]
    assert after["chapter001"] == [f"00:00:{0.5 + seconds(rendered):06.3f}"]


def test_every_chunk_of_a_wav_is_kept_and_cues_and_loops_move(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.wav", speech(1.00001, 44_100)[:44_101], 44_100, "-c:a", "pcm_u8")
    cue = struct.pack("<I", 1) + struct.pack("<II4sIII", 7, 441, b"data", 0, 0, 441)
    loop = struct.pack("<9I", 0, 0, 0, 60, 0, 0, 0, 1, 0) + struct.pack("<6I", 0, 0, 100, 200, 0, 0)
    chunks = {
        b"cue ": cue,
        b"smpl": loop,
        b"bext": bytes(602) + b"odd",
        b"iXML": "<BWFXML><NOTE>Ән</NOTE></BWFXML>".encode(),
        b"C2PA": MANIFEST,
    }
    data = source.read_bytes()
    if len(data) % 2:
        data += b"\0"
    for id, body in chunks.items():
        data += id + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    source.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    target, rendered = label(source, Slots(tags=(Tag("DigitalSourceType", "ai"),)))
    with target.open("rb") as file:
        assert list(WAV.read(file, DEFAULT_LIMITS).values("DigitalSourceType")) == ["ai"]
    moved = round(seconds(rendered) * 44_100)
    after = {chunk.id: chunk for chunk in read_wave(target, DEFAULT_LIMITS).chunks}
    written = target.read_bytes()
    bodies = {id: written[chunk.body : chunk.body + chunk.size] for id, chunk in after.items()}
    assert bodies[b"bext"] == chunks[b"bext"]
    assert bodies[b"iXML"] == chunks[b"iXML"]
    assert b"C2PA" not in bodies
    assert struct.unpack_from("<6I", bodies[b"cue "], 4)[1::4] == (441 + moved, 441 + moved)
    assert struct.unpack_from("<6I", bodies[b"smpl"], 36)[2:4] == (100 + moved, 200 + moved)
    assert int.from_bytes(written[4:8], "little") == len(written) - 8
    assert exact(target, "u8").endswith(exact(source, "u8"))


def _add_application(path: Path) -> None:
    """An APPLICATION block after STREAMINFO."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[5:8])
    path.write_bytes(data[:end] + b"\x02" + (8).to_bytes(3) + b"testdata" + data[end:])
