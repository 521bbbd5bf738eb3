"""What cannot be labelled or verified: one sentence, the documented code, nothing left behind, nothing lost."""

from __future__ import annotations

import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .command import PROGRAM, environment, kzlabel
from .conftest import Desk
from .works import work

TEXT = "The wind has dropped, and only the grass can be heard.\n"
CHANCE = random.Random(20261124)


def test_no_such_file(desk: Desk) -> None:
    desk.refused(3, "none.jpg: no such file", "label", "none.jpg")
    desk.refused(3, "none.jpg: no such file", "inspect", "none.jpg")
    told = desk.run("verify", "none.jpg", "--json")
    assert (told.code, told.json["verdict"], told.json["complete"]) == (3, "unreadable", False)


def test_a_folder_a_device_and_a_pipe_are_no_files(desk: Desk) -> None:
    (desk.folder / "album.jpg").mkdir()
    os.mkfifo(desk.folder / "pipe.png")
    for name, words in (
        ("album.jpg", "this is a folder; name the files in it"),
        ("pipe.png", "this is no regular file"),
        ("/dev/null", "this is no regular file"),
        ("/dev/zero", "this is no regular file"),
    ):
        desk.refused(3, words, "label", name, "-o", "out.jpg")
        desk.refused(3, words, "inspect", name)
        told = desk.run("verify", name)
        assert (told.code, words in told.out) == (3, True)


def test_an_empty_file(desk: Desk) -> None:
    for name in ("a.jpg", "a.mp4", "a.txt", "a"):
        desk.write(name, b"")
        desk.refused(3, "the file is empty", "label", name)
        assert desk.run("verify", name).code == 3


def test_random_bytes_are_no_format(desk: Desk) -> None:
    for name in ("a.jpg", "a.mp4", "a.mp3", "a.txt", "a"):
        desk.write(name, b"\x00\x9f" + CHANCE.randbytes(5000))
        desk.refused(3, "this is no file format that kzlabel knows", "label", name)
        told = desk.run("verify", name, "--json")
        assert (told.code, told.json["verdict"]) == (3, "unreadable")


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "picture.png",
        "picture.webp",
        "picture.avif",
        "moving.gif",
        "picture.tiff",
        "h264.mp4",
        "fragmented.mp4",
        "h264.mkv",
        "song.mp3",
        "song.wav",
        "song.flac",
        "song.m4a",
        "song.ogg",
    ],
)
def test_a_truncated_file_is_refused_or_labelled_whole(name: str, desk: Desk) -> None:
    """Formats made for streams may end anywhere; what is labelled then must verify."""
    whole = work(name, desk.folder).read_bytes()
    suffix = Path(name).suffix
    for share in (0.02, 0.6):
        desk.write(name, whole[: int(len(whole) * share)])
        before = desk.snapshot()
        told = desk.run("label", name)
        if told.code == 0:
            assert suffix in (".mp3", ".mkv", ".ogg", ".mp4", ".gif"), name
            labelled = Path(name).with_stem(f"{Path(name).stem}.labelled")
            assert desk.run("verify", labelled).code == 0
            for left in desk.folder.glob("*.labelled*"):
                left.unlink()
        else:
            assert told.code == 3, told.err
            assert len(told.err.splitlines()) == 1
            assert told.err.startswith(f"kzlabel: {name}: "), told.err
        assert desk.snapshot() == before
        assert desk.run("verify", name).code in (1, 3)


def test_a_file_under_the_name_of_another_format(desk: Desk) -> None:
    photo = work("photo.jpg", desk.folder)
    photo.rename(desk.folder / "photo.png")
    told = desk.refused(
        2, "photo.png: this is a JPEG file named .png, and the output name says .png", "label", "photo.png"
    )
    assert "give -o photo.labelled.jpg, or use --keep-name" in told.err
    assert desk.run("label", "photo.png", "-o", "photo.jpg").code == 0
    assert desk.run("label", "photo.png", "--keep-name").code == 0
    assert desk.run("verify", "photo.labelled.png", "--json").json["format"] == "image/jpeg"
    assert desk.run("verify", "photo.png", "--json").json["format"] == "image/jpeg"


def test_absurdly_many_pixels_are_refused_by_what_is_declared(desk: Desk) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for size in ((2**31 - 1, 2**31 - 1), (100_000, 100_000), (0, 5)):
        header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
        png = (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(bytes(100)))
            + chunk(b"IEND", b"")
        )
        desk.write("a.png", png)
        desk.refused(3, "a.png: ", "label", "a.png")
    gif = bytearray(work("moving.gif", desk.folder).read_bytes())
    gif[6:10] = b"\xff\xff\xff\xff"
    desk.write("moving.gif", bytes(gif))
    desk.refused(3, "moving.gif: ", "label", "moving.gif")


def test_limits_of_duration_and_size_hold(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    work("song.mp3", desk.folder)
    work("h264.mp4", desk.folder)
    work("photo.jpg", desk.folder)
    desk.write("a.txt", TEXT)
    monkeypatch.setenv("KZLABEL_LIMITS_MAX_DURATION", "0.5")
    monkeypatch.setenv("KZLABEL_LIMITS_MAX_PIXELS", "20000")
    monkeypatch.setenv("KZLABEL_LIMITS_MAX_TEXT_BYTES", "10")
    monkeypatch.setenv("KZLABEL_LIMITS_MAX_SPOOL_BYTES", "10")
    for name, limit in (("song.mp3", "max_duration"), ("photo.jpg", "max_pixels"), ("a.txt", "10 bytes")):
        desk.refused(3, limit, "label", name)
    desk.refused(3, "h264.mp4: ", "label", "h264.mp4")
    told = kzlabel("label", "-", "-o", "-", home=desk.home, stdin=TEXT.encode(), KZLABEL_LIMITS_MAX_SPOOL_BYTES="10")
    assert (told.code, told.out) == (3, b"")
    assert "max_spool_bytes" in told.err


def test_a_declared_duration_of_years_is_refused(desk: Desk) -> None:
    film = work("h264.mp4", desk.folder)
    data = bytearray(film.read_bytes())
    for kind, place in ((b"mvhd", 16), (b"mdhd", 16), (b"tkhd", 24)):
        at = data.find(kind)
        while at >= 0:
            data[at + place + 4 : at + place + 8] = b"\x7f\xff\xff\xff"
            at = data.find(kind, at + 4)
    film.write_bytes(data)
    told = desk.run("label", "h264.mp4", "-o", "out.mp4")
    assert told.code in (0, 3), told.err  # what counts is what the samples say; a wrong header alone may be corrected
    assert all(line.startswith("h264.mp4: ") for line in told.err.splitlines())


@pytest.mark.parametrize("open", ["<title>A title", "<style>p {", "<script>let a = 1"])
def test_a_page_that_would_swallow_its_label_is_refused(open: str, desk: Desk) -> None:
    desk.write("page.html", f"<!DOCTYPE html><html><head>{open}")
    desk.refused(3, "that is never closed would swallow the label; mend the page", "label", "page.html")


def test_metadata_too_damaged_to_stand_beside_are_refused(desk: Desk) -> None:
    song = work("song.mp3", desk.folder)
    song.write_bytes(song.read_bytes().replace(b"TIT2", b"TI\x912", 1))
    desk.refused(3, "song.mp3: the metadata in it are damaged", "label", "song.mp3")
    assert desk.run("label", "song.mp3", "--no-metadata").code == 0


def test_libraries_do_not_talk_past_the_sentence(desk: Desk) -> None:
    """libtiff writes to stderr by itself."""
    data = bytearray(work("picture.tiff", desk.folder).read_bytes())
    data[2000:2400] = bytes(400)
    desk.write("picture.tiff", bytes(data))
    told = kzlabel("label", "picture.tiff", home=desk.home, cwd=desk.folder)
    assert told.code == 3
    assert len(told.err.splitlines()) == 1, told.err


def test_what_can_be_verified_only_is_refused_by_name(desk: Desk) -> None:
    heic = struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + struct.pack(">I", 8) + b"mdat"
    desk.write("photo.heic", heic)
    told = desk.refused(
        3, "photo.heic: HEIC can be verified but not yet labelled; convert it to AVIF or JPEG", "label", "photo.heic"
    )
    assert told.code == 3
    desk.write("paper.pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n")
    desk.refused(3, "paper.pdf: PDF can be verified but not yet labelled", "label", "paper.pdf")


def test_a_program_that_is_missing(desk: Desk) -> None:
    work("song.mp3", desk.folder)
    work("h264.mp4", desk.folder)
    for name in ("song.mp3", "h264.mp4"):
        desk.refused(4, "ffmpeg does not run", "label", name, "--ffmpeg", "/nonexistent/ffmpeg")
        desk.refused(4, "ffmpeg does not run", "label", name, "--ffmpeg", desk.folder)
    assert desk.run("verify", "song.mp3").code == 1, "verifying needs no program"
    desk.write("a.txt", TEXT)
    assert desk.run("label", "a.txt", "--ffmpeg", "/nonexistent/ffmpeg").code == 0, "a text needs no program"


def test_an_output_that_cannot_be(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    desk.write("taken.txt", "precious")
    (desk.folder / "folder").mkdir()
    desk.write("locked.txt", "precious").chmod(0o444)
    (desk.folder / "link.txt").symlink_to("taken.txt")
    (desk.folder / "lost.txt").symlink_to("nowhere")
    (desk.folder / "twin.txt").hardlink_to(desk.folder / "a.txt")
    for code, words, *arguments in (
        (5, "the output folder nowhere does not exist; create it first", "-o", "nowhere/b.txt"),
        (5, "does not exist", "--out-dir", "nowhere"),
        (5, "does not exist", "-o", "a.txt/b.txt"),
        (5, "taken.txt: the output exists already; name another one, or use --overwrite", "-o", "taken.txt"),
        (5, "the output exists already", "-o", "link.txt"),
        (5, "the output exists already", "-o", "lost.txt"),
        (5, "is no regular file", "-o", "link.txt", "--overwrite"),
        (5, "the output is a folder", "-o", "folder"),
        (5, "the output is a folder", "-o", "folder", "--overwrite"),
        (5, "is read-only", "-o", "locked.txt", "--overwrite"),
        (5, "the name is too long", "-o", "x" * 300 + ".txt"),
        (5, "taken.txt: the output exists already", "-o", "b.txt", "--sidecar", "taken.txt"),
        (2, "output and input are the same file; use --in-place", "-o", "a.txt"),
        (2, "output and input are the same file", "-o", "a.txt", "--overwrite"),
        (2, "output and input are the same file", "-o", "./folder/../a.txt", "--overwrite"),
        (2, "output and input are the same file", "-o", "twin.txt", "--overwrite"),
        (2, "output and input are the same file", "-o", "b.txt", "--sidecar", "a.txt", "--overwrite"),
        (2, "output and input are the same file", "-o", "b.txt", "--sidecar", "b.txt"),
        (2, "output and input are the same file", "-o", "taken.txt", "--overwrite", "--parent", "taken.txt"),
        (2, "output and input are the same file", "--out-dir", "."),
    ):
        desk.refused(code, words, "label", "a.txt", *arguments)
    assert desk.run("label", "a.txt", "-o", "taken.txt", "--overwrite").code == 0
    assert desk.run("verify", "taken.txt").code == 0


def test_no_output_takes_the_place_of_another_one_or_of_an_input(desk: Desk) -> None:
    for folder in ("one", "two", "out"):
        (desk.folder / folder).mkdir()
    desk.write("one/a.txt", TEXT)
    desk.write("two/a.txt", TEXT * 2)
    told = desk.run("label", "one/a.txt", "two/a.txt", "--out-dir", "out", "--overwrite", "--json")
    assert told.code == 2
    assert [row["status"] for row in told.json] == ["labelled", "failed"]
    assert "would take the place of the output of one/a.txt" in told.err
    desk.write("b.txt", TEXT)
    precious = desk.write("b.labelled.txt", TEXT)
    told = desk.run("label", "b.txt", "b.labelled.txt", "--overwrite")
    assert told.code == 2
    assert precious.read_text() == TEXT
    assert desk.run("verify", "b.labelled.labelled.txt").code == 0


def test_names_of_every_kind_are_only_names(desk: Desk) -> None:
    photo = work("photo.jpg", desk.folder).read_bytes()
    song = work("song.mp3", desk.folder).read_bytes()
    names = [
        "a name.jpg",
        "қызыл гүл.jpg",
        "two\nlines.jpg",
        "-o.jpg",
        "--help.jpg",
        "%d_%s.jpg",
        "a:b.jpg",
        "x" * 230 + ".jpg",
    ]
    names += [
        os.fsdecode(b"bad\xff\xfe.jpg"),
        "'quoted' \"name\" \\ $HOME `id`.jpg",
        "file:song%03d.mp3",
        "-i.mp3",
        "конец\n.mp3",
    ]
    for name in names:
        desk.write(name, song if name.endswith(".mp3") else photo)
        told = desk.run("label", "--no-watermark", "--json", "--", name)
        assert told.code == 0, (name, told.err)
        output = told.json["output"]
        assert output == name[:-4] + ".labelled" + name[-4:]
        assert told.json["file"] == name
        told = desk.run("verify", "--no-watermark", "--json", "--", output)
        assert (told.code, told.json["file"]) == (0, output)
        told = desk.run("verify", "-v", "--no-watermark", "--", output)
        assert len([line for line in told.out.splitlines() if not line.startswith(" ")]) == 1, told.out
        assert desk.run("verify", "--no-watermark", "--report", "page.html", "--overwrite", "--", output).code == 0
    assert not list(desk.folder.glob("**/.kzlabel-*"))


def test_a_name_whose_label_would_be_too_long_is_refused_before_any_work(desk: Desk) -> None:
    name = "x" * 250 + ".txt"
    desk.write(name, TEXT)
    desk.refused(5, "the name is too long", "label", name)
    desk.refused(3, "the name is too long", "label", "x" * 300 + ".txt", "-o", "out.txt")


def _as_a_user() -> list[str]:
    """What stands before a command so that permissions hold for it, which root passes by."""
    if os.getuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root passes by all permissions, and setpriv is not there to take that away")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def test_what_may_not_be_read_or_written(desk: Desk) -> None:
    closed = desk.folder / "closed"
    closed.mkdir()
    desk.write("open.txt", TEXT)
    desk.write("secret.txt", TEXT).chmod(0o000)
    closed.chmod(0o500)
    before = {path.name: path.lstat().st_mode for path in desk.folder.iterdir()}

    def run(*arguments: str, home: Path = desk.home) -> subprocess.CompletedProcess[str]:
        command = [*_as_a_user(), str(PROGRAM), *arguments]
        return subprocess.run(
            command, cwd=desk.folder, env=environment(home), text=True, capture_output=True, check=False
        )

    for code, words, *arguments in (
        (3, "secret.txt: no permission", "label", "secret.txt", "-o", "out.txt"),
        (5, "out.txt: no permission to write into closed", "label", "open.txt", "-o", "closed/out.txt"),
        (5, "no permission to write into closed", "label", "open.txt", "--out-dir", "closed"),
        (5, "no permission", "verify", "open.txt", "--report", "closed/page.html"),
        (8, "secret.txt: trust anchors cannot be read", "verify", "open.txt", "--trust", "secret.txt"),
        (2, "secret.txt: ", "label", "open.txt", "--declaration", "secret.txt"),
    ):
        told = run(*arguments)
        assert (told.returncode, len(told.stderr.splitlines())) == (code, 1), told
        assert words in told.stderr, told.stderr
    assert run("verify", "secret.txt").returncode == 3
    told = run("label", "open.txt", home=closed)
    assert (told.returncode, len(told.stderr.splitlines())) == (7, 1), told
    assert "development key" in told.stderr
    assert {path.name: path.lstat().st_mode for path in desk.folder.iterdir()} == before
    assert not list(closed.iterdir())
    closed.chmod(0o700)


FULL = ["photo.jpg", "picture.png", "picture.avif", "moving.webp", "moving.gif", "picture.tiff", "moving.png"]
FULL += ["h264.mp4", "h264.mkv", "song.mp3", "song.flac", "song.ogg", "story.txt"]


@contextmanager
def _small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    place = folder / "disk"
    place.mkdir()
    mounted = os.getuid() == 0 and (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)], capture_output=True, check=False
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("no disk of its own size can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(desk: Desk) -> None:
    with _small_disk(desk.home, 12) as disk:
        for name in FULL:
            work(name, desk.folder)
            desk.refused(5, "the disk is full", "label", name, "-o", disk / name, "--no-watermark")
            assert not list(disk.iterdir()), name
        desk.write("a.txt", TEXT)
        (disk / "a.txt").write_text("precious")
        desk.refused(5, "the disk is full", "label", "a.txt", "-o", disk / "a.txt", "--overwrite")
        desk.refused(5, "the disk is full", "verify", "photo.jpg", "--report", disk / "page.html")
        assert [(path.name, path.read_text()) for path in disk.iterdir()] == [("a.txt", "precious")]


def test_a_file_that_may_not_grow(desk: Desk) -> None:
    for name in ("picture.png", "song.mp3", "h264.mp4", "page.html"):
        work(name, desk.folder)
    before = desk.snapshot()
    for name in ("picture.png", "song.mp3", "h264.mp4", "page.html"):
        told = subprocess.run(
            [PROGRAM, "label", name, "--no-watermark"],
            cwd=desk.folder,
            env=environment(desk.home),
            text=True,
            capture_output=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000)),
            check=False,
        )
        assert (told.returncode, len(told.stderr.splitlines())) == (5, 1), told
        assert "Traceback" not in told.stderr
        assert desk.snapshot() == before


def test_a_place_for_temporary_files_that_is_not_there(desk: Desk) -> None:
    told = kzlabel("verify", "-", home=desk.home, stdin=b"text", TMPDIR="/nonexistent")
    assert told.code == 3 or told.code == 1
    assert "Traceback" not in told.err


@pytest.mark.skipif(sys.platform == "win32", reason="other standard streams there")
def test_streams_that_are_closed_or_full(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    desk.write("b.txt", TEXT)
    env = environment(desk.home)

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line, PROGRAM], cwd=desk.folder, env=env, text=True, capture_output=True, check=False
        )

    told = shell('"$0" verify a.txt b.txt --json > /dev/full')
    assert (told.returncode, told.stderr) == (5, "kzlabel: standard output: no space left on device\n")
    told = shell('"$0" label a.txt -o - > /dev/full')
    assert (told.returncode, told.stderr.count("\n")) == (5, 1)
    told = shell('"$0" label - -o c.txt <&-')
    assert (told.returncode, told.stderr) == (2, "kzlabel: -: standard input is closed; pipe a file into it\n")
    told = shell('"$0" verify a.txt --json >&-')
    assert (told.returncode, told.stderr) == (1, "")
    told = shell('set -o pipefail; "$0" label a.txt b.txt --overwrite | true; echo "${PIPESTATUS[0]}"')
    assert (told.stdout, told.stderr) in (("5\n", ""), ("0\n", "")), told
    told = shell('(sleep 1; "$0" verify a.txt b.txt; echo "code $?" >&2) | true')
    assert told.stderr == "code 5\n"
