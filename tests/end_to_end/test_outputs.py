"""Where outputs go, what is told about them, and what is left when the work is cut short."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.media import reels

from .command import PROGRAM, environment, kzlabel
from .conftest import Desk
from .works import work

TEXT = "The wind has dropped, and only the grass can be heard.\n"
RECORD = Path("record.json")
PLAIN = ("--no-watermark",)  # where the content itself is not the matter


def test_bytes_go_to_a_pipe_only_when_they_are_verified(desk: Desk) -> None:
    photo = work("photo.jpg", desk.folder)
    told = kzlabel("label", "-", "-o", "-", "--json-file", RECORD, "--format", "jpeg",
                   home=desk.home, cwd=desk.folder, stdin=photo.read_bytes())  # fmt: skip
    assert (told.code, told.err) == (0, "")
    row = json.loads((desk.folder / RECORD).read_text())
    assert (row["file"], row["status"], row["format"]) == ("-", "labelled", "image/jpeg")
    again = kzlabel("verify", "-", "--json", home=desk.home, stdin=told.out)
    assert (again.code, again.json["identifier"], again.json["file"]) == (0, row["identifier"], "-")
    assert sorted(path.name for path in desk.folder.iterdir()) == ["photo.jpg", "record.json"]

    told = kzlabel(
        "label", "-", "-o", "-", "--format", "png", home=desk.home, cwd=desk.folder, stdin=photo.read_bytes()
    )
    assert (told.code, told.out) == (2, b"")
    assert "this is a JPEG file, and --format says png" in told.err
    told = kzlabel("label", "-", "-o", "-", home=desk.home, cwd=desk.folder, stdin=b"")
    assert (told.code, told.out, told.err) == (3, b"", "kzlabel: -: the input is empty\n")
    told = kzlabel("label", "-", "-o", "-", home=desk.home, cwd=desk.folder, stdin=photo.read_bytes()[:3000])
    assert (told.code, told.out) == (3, b"")
    assert told.err.startswith("kzlabel: -: ")


def test_a_format_without_room_for_its_manifest_needs_a_sidecar_in_a_pipe(desk: Desk) -> None:
    song = work("song.ogg", desk.folder)
    told = kzlabel("label", song, "-o", "-", home=desk.home, cwd=desk.folder)
    assert (told.code, told.out) == (2, b"")
    assert "cannot hold a manifest; give --sidecar FILE" in told.err
    told = kzlabel("label", song, "-o", "-", "--sidecar", "out.c2pa", home=desk.home, cwd=desk.folder)
    assert told.code == 0, told.err
    copy = desk.write("copy.ogg", told.out)
    assert desk.run("verify", copy, "--sidecar", "out.c2pa", "--json").json["verdict"] == "untrusted"
    assert desk.run("verify", copy).code == 1


def test_a_record_never_takes_the_place_of_a_file(desk: Desk) -> None:
    photo = work("photo.jpg", desk.folder)
    desk.write("taken.json", "precious")
    for code, words, name in (
        (2, "are the same file", photo.name),
        (5, "exists already", "taken.json"),
        (5, "does not exist", "nowhere/record.json"),
    ):
        before = desk.snapshot()
        told = kzlabel("label", "photo.jpg", "-o", "-", "--json-file", name, home=desk.home, cwd=desk.folder)
        assert (told.code, told.out) == (code, b"")
        assert words in told.err
        assert desk.snapshot() == before


def test_of_several_inputs_each_has_its_row_and_the_gravest_code_counts(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    desk.write("empty.txt", b"")
    desk.write("c.txt", TEXT)
    desk.write("c.labelled.txt", "taken")
    desk.write("z.txt", TEXT)
    inputs = ["a.txt", "none.txt", "c.txt", "empty.txt", ".", "z.txt"]
    told = desk.run("label", *inputs, "--json")
    assert told.code == 5
    assert [(row["file"], row["status"], row.get("exit_code")) for row in told.json] == [
        ("a.txt", "labelled", None),
        ("none.txt", "failed", 3),
        ("c.txt", "failed", 5),
        ("empty.txt", "failed", 3),
        (".", "failed", 3),
        ("z.txt", "labelled", None),
    ]
    failed = [row for row in told.json if row["status"] == "failed"]
    assert all(set(row) == {"file", "status", "error", "exit_code"} for row in failed)
    assert told.err.splitlines() == [f"kzlabel: {row['error']}" for row in failed]
    assert desk.run("label", "none.txt", "empty.txt").code == 3
    told = desk.run("label", "a.labelled.txt", "none.txt", "--only-new", "--overwrite", "--json")
    assert (told.code, [row["exit_code"] for row in told.json]) == (3, [6, 3])
    desk.refused(
        6,
        "a.labelled.txt: already labelled; leave out --only-new to get a copy",
        "label",
        "a.labelled.txt",
        "--only-new",
    )


def test_a_folder_takes_outputs_under_their_own_names(desk: Desk) -> None:
    (desk.folder / "out").mkdir()
    for name in ("a.txt", "b.txt"):
        desk.write(name, TEXT)
    told = desk.run("label", "a.txt", "b.txt", "--out-dir", "out", "--json")
    assert (told.code, [row["output"] for row in told.json]) == (0, ["out/a.txt", "out/b.txt"])
    desk.refused(5, "a.txt: the output exists already", "label", "a.txt", "--out-dir", "out")


def test_a_file_is_replaced_in_place_with_its_mode_and_if_asked_its_time(desk: Desk) -> None:
    path = desk.write("a.txt", TEXT)
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18))
    assert desk.run("label", "a.txt", "--in-place", "--keep-times").code == 0
    status = path.stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o640, 10**18)
    assert desk.run("verify", "a.txt").code == 0
    labelled = path.read_bytes()
    told = desk.run("label", "a.txt", "--in-place", "--json")
    assert (told.code, told.json["status"], path.read_bytes()) == (0, "unchanged", labelled)
    song = work("song.ogg", desk.folder)
    assert desk.run("label", "song.ogg", "--in-place").code == 0
    assert desk.run("verify", song).code == 0
    assert sorted(path.name for path in desk.folder.iterdir()) == ["a.txt", "song.ogg", "song.ogg.c2pa"]


def test_links_and_read_only_files_are_not_replaced_unasked(desk: Desk) -> None:
    target = desk.write("a.txt", TEXT)
    (desk.folder / "soft.txt").symlink_to("a.txt")
    desk.refused(2, "soft.txt: this is a symbolic link; use --follow-symlinks", "label", "soft.txt", "--in-place")
    (desk.folder / "hard.txt").hardlink_to(target)
    desk.refused(2, "hard.txt: the file has several hard links", "label", "hard.txt", "--in-place")
    (desk.folder / "hard.txt").unlink()
    target.chmod(0o444)
    desk.refused(5, "a.txt: the output exists and is read-only", "label", "a.txt", "--in-place")
    target.chmod(0o600)
    told = desk.run("label", "soft.txt", "--in-place", "--follow-symlinks")
    assert told.code == 0, told.err
    assert (desk.folder / "soft.txt").is_symlink()
    assert desk.run("verify", "a.txt").code == 0
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_camera_original_is_labelled_only_on_a_clear_word(desk: Desk) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon PowerShot S40"
    exif.get_ifd(0x8769)[0x829A] = (1, 500)
    exif.get_ifd(0x8769)[0x920A] = (7, 1)
    Image.new("RGB", (400, 300), "teal").save(desk.folder / "camera.jpg", exif=exif)
    told = desk.refused(2, "say --source modified or generated", "label", "camera.jpg")
    assert "camera EXIF: Canon PowerShot S40" in told.err
    desk.refused(2, "say --source modified or generated", "label", "camera.jpg", "--dry-run")
    for source in ("generated", "modified"):
        told = desk.run("label", "camera.jpg", "--source", source, "--overwrite", "--json")
        assert (told.code, told.json["declaration"]["source"]) == (0, source)
        assert desk.run("verify", "camera.labelled.jpg", "--json").json["ai"] == source


def test_a_dry_run_writes_nothing_anywhere(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "fresh"))
    for name in ("photo.jpg", "song.ogg", "page.html"):
        work(name, desk.folder)
    before = desk.snapshot()
    told = desk.run("label", "photo.jpg", "song.ogg", "page.html", "--dry-run", "--json")
    assert (told.code, [row["status"] for row in told.json]) == (0, ["planned"] * 3)
    assert [row["sidecar"] for row in told.json] == [None, "song.labelled.ogg.c2pa", None]
    assert desk.snapshot() == before
    assert not (tmp_path / "fresh").exists()
    desk.refused(5, "does not exist", "label", "photo.jpg", "--dry-run", "-o", "nowhere/x.jpg")


def test_layers_can_be_left_out(desk: Desk) -> None:
    picture = work("picture.png", desk.folder)
    told = desk.run("label", "picture.png", "--no-disclosure", "--no-watermark", "--json")
    assert told.code == 0
    assert "without disclosure, which the profile kz requires" in " ".join(told.json["notes"])
    labelled = desk.folder / "picture.labelled.png"
    with Image.open(picture) as one, Image.open(labelled) as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
    layers = {layer["layer"]: layer for layer in desk.run("verify", labelled, "--json").json["evidence"]}
    assert (layers["disclosure"]["state"], layers["metadata"]["state"]) == ("absent", "found")
    assert desk.run("label", "picture.png", "--no-metadata", "--overwrite").code == 0
    layers = {layer["layer"]: layer for layer in desk.run("verify", labelled, "--json").json["evidence"]}
    assert (layers["disclosure"]["state"], layers["metadata"]["state"]) == ("recorded", "absent")


@pytest.mark.parametrize(
    "name", ["photo.jpg", "picture.png", "moving.webp", "h264.mp4", "song.mp3", "song.m4a", "page.html", "note.md"]
)
def test_a_manifest_goes_into_a_sidecar_on_request(name: str, desk: Desk) -> None:
    work(name, desk.folder)
    told = desk.run("label", name, "-o", f"out-{name}", *PLAIN, "--sidecar", "marks.c2pa", "--json")
    assert told.code == 0, told.err
    assert told.json["sidecar"] == "marks.c2pa"
    told = desk.run("verify", f"out-{name}", *PLAIN, "--sidecar", "marks.c2pa", "--json")
    assert (told.code, told.json["verdict"]) == (0, "untrusted")
    evidence = desk.run("verify", f"out-{name}", *PLAIN, "--json").json["evidence"]
    states = {layer["layer"]: layer["state"] for layer in evidence}
    assert states["manifest"] == "absent"
    # What carries a manifest already must not keep it beside the new one.
    assert desk.run("label", name, "-o", f"first-{name}", *PLAIN).code == 0
    names = (f"first-{name}", "-o", f"second-{name}")
    again = ("label", *names, *PLAIN, "--producer", "Other", "--sidecar", "second.c2pa")
    told = desk.run(*again)
    assert told.code == 0, told.err
    told = desk.run("verify", f"second-{name}", *PLAIN, "--sidecar", "second.c2pa", "--json")
    assert (told.code, told.json["verdict"]) == (0, "untrusted"), told.out
    told = desk.run(*again, "--no-disclosure", "--overwrite")
    if told.code == 0:
        assert desk.run("verify", f"second-{name}", *PLAIN, "--sidecar", "second.c2pa").code == 0
    else:
        assert (told.code, "leave out --sidecar or --no-disclosure" in told.err) == (2, True)


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "picture.png",
        "moving.gif",
        "moving.avif",
        "picture.tiff",
        "h264.mp4",
        "vp9.webm",
        "song.mp3",
        "song.flac",
        "song.opus",
        "page.html",
        "note.md",
    ],
)
def test_all_but_the_signature_comes_out_the_same_twice(name: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    work(name, desk.folder)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    desk.write("d.json", '{"source": "generated", "identifier": "0123456789ab", "producer": "Studio"}')
    outputs = []
    for turn in ("one", "two"):
        (desk.folder / turn).mkdir()
        told = desk.run(
            "label", name, "-o", f"{turn}/{name}", "--declaration", "d.json", "--sidecar", f"{turn}/m.c2pa", "--json"
        )
        assert told.code == 0, told.err
        assert told.json["declaration"]["created"] == "2026-09-21T14:13:20Z"
        outputs.append((desk.folder / turn / name).read_bytes())
    assert outputs[0] == outputs[1]


# --- cut short ---


def _long_film(folder: Path) -> Path:
    return reels.make(folder / "long.mp4", "h264", picture="testsrc2=s=1280x720:r=30", seconds="20", sound="aac")


def _started(desk: Desk, *arguments: str) -> subprocess.Popen[bytes]:
    """A labelling that has begun to write, in a session of its own."""
    process = subprocess.Popen(
        [PROGRAM, "label", "long.mp4", "--no-watermark", *arguments],
        cwd=desk.folder, env=environment(desk.home, TMPDIR=str(desk.home)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    while not any(path.stat().st_size for path in desk.folder.glob(".kzlabel-*/rendered*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def test_a_labelling_that_is_cut_short_leaves_no_half_output(desk: Desk) -> None:
    _long_film(desk.folder)
    before = desk.snapshot()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process = _started(desk)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (130, b"", b"kzlabel: interrupted; nothing was left half done\n")
        assert desk.snapshot() == before
    process = _started(desk, "--in-place")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    left = {name: found for name, found in desk.snapshot().items() if not name.startswith(".kzlabel-")}
    assert left == before


def test_a_program_of_ours_that_is_killed_is_an_error_of_one_sentence(desk: Desk) -> None:
    """The memory killer takes the encoder first."""
    killer = desk.home / "ffmpeg"
    from kzlabel.media.programs.ffmpeg import find

    killer.write_text(f'#!/bin/sh\ncase "$*" in *-filter_complex*|*libx264*) kill -9 $$;; esac\nexec {find()} "$@"\n')
    killer.chmod(0o755)
    work("h264.mp4", desk.folder)
    desk.refused(3, "ffmpeg was ended by signal 9", "label", "h264.mp4", "--ffmpeg", killer)


# --- verifying ---


def test_recursion_passes_over_sidecars_and_dotfiles(desk: Desk) -> None:
    for folder in ("album", "album/deep", "album/.git"):
        (desk.folder / folder).mkdir()
    for name in ("b.txt", "a.txt", ".hidden.txt", "deep/c.txt", ".git/d.txt", "a.txt.c2pa", "A.C2PA"):
        desk.write(f"album/{name}", TEXT)
    os.mkfifo(desk.folder / "album" / "pipe")
    told = desk.run("verify", "-r", "album", "--jsonl")
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert [row["file"] for row in rows] == ["album/a.txt", "album/b.txt", "album/pipe", "album/deep/c.txt"]
    assert [row["verdict"] for row in rows] == ["invalid", "unmarked", "unreadable", "unmarked"]
    assert told.code == 3
    told = desk.run("verify", "album")
    assert (told.code, "this is a folder" in told.out) == (3, True)
    (desk.folder / "nothing").mkdir()
    desk.refused(2, "there is no file to verify", "verify", "-r", "nothing")
    desk.refused(2, "--json and --jsonl exclude each other", "verify", "--json", "--jsonl", "album/a.txt")
    desk.refused(2, "--sidecar belongs to one file", "verify", "-r", "--sidecar", "x", "album")


def test_verdicts_stream_one_a_line_in_the_order_given(desk: Desk) -> None:
    for name in ("b.txt", "a.txt"):
        desk.write(name, TEXT)
    told = desk.run("verify", "b.txt", "none", "a.txt", "--jsonl")
    assert [json.loads(line)["file"] for line in told.out.splitlines()] == ["b.txt", "none", "a.txt"]
    env = environment(desk.home)
    process = subprocess.Popen(
        [PROGRAM, "verify", "b.txt", "-", "--jsonl"],
        cwd=desk.folder,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdin
    assert json.loads(process.stdout.readline())["file"] == "b.txt", "told before the second input has come"
    out, _ = process.communicate(TEXT.encode(), timeout=60)
    assert json.loads(out)["file"] == "-"


def test_a_report_appears_whole_and_replaces_nothing_unasked(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    desk.write("page.html", "precious")
    desk.refused(5, "page.html: the output exists already", "verify", "a.txt", "--report", "page.html")
    desk.refused(2, "are the same file", "verify", "a.txt", "--report", "a.txt", "--overwrite")
    desk.refused(5, "does not exist", "verify", "a.txt", "--report", "nowhere/page.html")
    told = desk.run("verify", "a.txt", "none.txt", "--report", "page.html", "--overwrite")
    assert told.code == 3
    page = (desk.folder / "page.html").read_text()
    assert "a.txt" in page
    assert "none.txt" in page
    assert not list(desk.folder.glob(".kzlabel-*"))


def test_a_sidecar_of_another_file_is_no_tampering(desk: Desk) -> None:
    work("song.ogg", desk.folder)
    work("photo.jpg", desk.folder)
    assert desk.run("label", "song.ogg", "--in-place").code == 0
    store = (desk.folder / "song.ogg.c2pa").read_bytes()
    desk.write("photo.c2pa", store)
    told = desk.run("verify", "photo.jpg", "--json")
    assert (told.code, told.json["verdict"]) == (1, "unmarked")
    assert {layer["layer"]: layer["state"] for layer in told.json["evidence"]}["sidecar"] == "not-for-this-file"
    (desk.folder / "photo.c2pa").rename(desk.folder / "photo.jpg.c2pa")
    assert desk.run("verify", "photo.jpg", "--json").json["verdict"] == "tampered"
    (desk.folder / "photo.jpg.c2pa").unlink()
    assert desk.run("verify", "photo.jpg", "--sidecar", "song.ogg.c2pa", "--json").json["verdict"] == "tampered"
    (desk.folder / "song.ogg.c2pa").rename(desk.folder / "song.c2pa")
    assert desk.run("verify", "song.ogg", "--json").json["verdict"] == "untrusted"
    for name in ("none.c2pa", "."):
        desk.refused(3, "the sidecar", "verify", "photo.jpg", "--sidecar", name)
        desk.refused(3, "the sidecar", "inspect", "photo.jpg", "--sidecar", name)
    told = desk.run("verify", "photo.jpg", "--sidecar", "none.c2pa", "--json")
    assert told.json["exit_code"] == 3
    (desk.folder / "photo.jpg.c2pa").symlink_to("song.c2pa")
    assert desk.run("verify", "photo.jpg", "--json").json["verdict"] == "unmarked", "a link is not followed"


def test_only_signers_that_were_named_are_accepted(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    assert desk.run("label", "a.txt").code == 0
    fingerprint = desk.run("verify", "a.labelled.txt", "--json").json["signer"]["fingerprint"]
    for code, pattern in ((0, "kzlabel*"), (0, fingerprint), (0, f"SHA256:{fingerprint.upper()}"), (1, "Somebody*")):
        assert desk.run("verify", "a.labelled.txt", "--identity", pattern).code == code
    assert desk.run("verify", "a.labelled.txt", "--policy", "trusted").code == 1
    assert desk.run("verify", "a.labelled.txt", "--policy", "trusted", "--trust", desk.root).code == 0
