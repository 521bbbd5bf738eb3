"""Files made to harm: they read no other file, ask no address, steer no screen, and cost bounded time and memory."""

from __future__ import annotations

import io
import json
import os
import resource
import socket
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .command import PROGRAM, environment
from .conftest import Desk
from .works import work

SECRET = "canary-that-must-never-sing"
SECONDS = 60  # for all bombs together; on a quiet machine they take a tenth
MEMORY = 1200 << 20  # bytes that may be resident: a sound 200-megapixel picture takes more


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def _untouched(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


# --- references to elsewhere ---


def _referring(file: Path, address: str) -> dict[str, str]:
    port = address.rpartition(":")[2]
    svg = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{file}\n#EXTINF:1,\n{address}/a.ts\n",
        "playlist": f"{file}\n{address}/a.mp3\n",
        "concat": f"ffconcat version 1.0\nfile '{file}'\nfile '{address}/a.mp4'\n",
        "pls": f"[playlist]\nFile1=file://{file}\nFile2={address}/a.mp3\nNumberOfEntries=2\n",
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{address}/</BaseURL></MPD>',
        "svg": f'{svg}<image xlink:href="file://{file}"/><image href="{address}/a.png"/></svg>',
        "entity": f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e SYSTEM "file://{file}">'
        f'<!ENTITY f SYSTEM "{address}/e">]>{svg}<text>&e;&f;</text></svg>',
        "stylesheet": f'<?xml version="1.0"?><?xml-stylesheet href="{address}/a.css"?>{svg}</svg>',
        "page": f'<!DOCTYPE html><html><head><link rel="stylesheet" href="{address}/a.css"><base href="{address}">'
        f'</head><body><img src="{address}/a.png"><iframe src="file://{file}"></iframe></body></html>',
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
        "reference": f"[Reference]\nRef1={address}/a.asf\n",
    }  # fmt: skip


def test_what_refers_elsewhere_reads_no_other_file_and_no_address(desk: Desk, listener: socket.socket) -> None:
    canary = desk.home / "canary.txt"
    canary.write_text(SECRET)
    port = listener.getsockname()[1]
    told = ""
    for kind, content in _referring(canary, f"http://127.0.0.1:{port}").items():
        for ending in (".mp4", ".png", ".mkv", ".mp3", ".wav", ".svg", ".html"):
            path = desk.write(f"{kind}{ending}", content)
            ran = desk.run("label", path, "--keep-name", "-o", f"out-{path.name}")
            assert ran.code in (0, 2, 3), ran
            told += ran.out + ran.err
            told += desk.run("verify", "-v", path).out
            told += desk.run("inspect", "--json", path).out
    told += desk.run("verify", PLAIN, "-r", ".", "--report", desk.home / "page.html", "--json").out
    assert SECRET not in told
    for path in (*desk.folder.iterdir(), desk.home / "page.html"):
        assert SECRET not in path.read_text("utf-8", "replace"), path
    assert _untouched(listener)


def test_a_manifest_at_an_address_is_never_fetched(desk: Desk, listener: socket.socket) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/manifest.c2pa"
    photo = work("photo.jpg", desk.folder).read_bytes()
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{address}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    desk.write("photo.jpg", photo[:2] + _app1(b"http://ns.adobe.com/xap/1.0/\0" + packet.encode()) + photo[2:])
    told = desk.run("verify", "photo.jpg", "--json")
    assert (told.code, told.json["reason"]) == (1, "manifest.invalid.remote")
    desk.run("inspect", "photo.jpg")
    assert desk.run("label", "photo.jpg").code == 0
    note = f"---\nc2pa: {address}\n---\n# A note\n"
    page = f'<html><head><link rel="c2pa-manifest" href="{address}"></head><body>Text</body></html>'
    for path in (desk.write("note.md", note), desk.write("page.html", page)):
        assert desk.run("verify", path).code in (1, 3)
        desk.run("label", path)
    assert _untouched(listener)


# --- names and tags ---

PLAIN = "--no-watermark"  # where texts are the matter, and content is not
EVIL = "\x1b[31mred\x1b]0;title\x07 \u202eesrever\u2066 <script>alert(1)</script>"
EVIL += " '\"><img src=x onerror=alert(1)> \u200b\r\n"


def _inert(text: str) -> bool:
    return not any(steering in text for steering in ("\x1b", "\x07", "\u202e", "\u2066", "\u200b", "\r"))


def test_markup_escapes_and_directions_in_names_and_tags_come_out_inert(desk: Desk) -> None:
    from mutagen.id3 import ID3, TIT2, TXXX

    song = work("song.mp3", desk.folder)
    tags = ID3(song)
    tags.add(TIT2(encoding=1, text=EVIL))
    tags.add(TXXX(encoding=1, desc="AIGC", text=json.dumps({"Label": "1", "ContentProducer": EVIL, "ProduceID": EVIL})))
    tags.add(TXXX(encoding=1, desc=EVIL, text=EVIL))
    tags.save(song)
    page = (
        '<!DOCTYPE html><html><head><meta name="AIGC" content="{}"><meta name="generator" content="{}"></head></html>'
    )
    evil = "".join(f"&#{ord(letter)};" for letter in EVIL)
    desk.write("page.html", page.format(evil, evil))
    # A slash is the one character of a name that cannot be one.
    name = desk.folder / (EVIL.replace("/", "_") + ".mp3")
    song.rename(name)
    names = [str(name), "page.html"]
    assert (
        desk.run(
            "label", name, PLAIN, "--generator", "<b>bold</b>@1", "--producer", "</style><script>alert(1)</script>"
        ).code
        == 0
    )
    names.append(str(name.with_stem(name.stem + ".labelled")))
    for arguments in (
        ("verify", *names),
        ("verify", "-v", *names),
        ("verify", "--json", *names),
        ("verify", "--jsonl", *names),
        ("inspect", name),
        ("inspect", "--json", name),
        ("inspect", "page.html"),
        ("label", "--dry-run", name),
        ("label", "--json", "--dry-run", name),
        ("label", name),
        ("label", str(name) + "x"),
        ("verify", "--sidecar", str(name) + "x", "page.html"),
        ("verify", "--trust", name, "page.html"),
        ("verify", "--trust", str(name) + "x", "page.html"),
        ("--config", name, "verify", "page.html"),
        ("label", "page.html", "--profile", EVIL),
        ("label", "page.html", "--lang", EVIL),
        ("label", "page.html", "--encoding", EVIL),
        ("label", "page.html", "-o", str(name) + "x"),
        ("label", "page.html", "--" + EVIL),
        (EVIL,),
    ):
        told = desk.run(*arguments)
        assert _inert(told.out), (arguments, told.out)
        assert _inert(told.err), (arguments, told.err)
        assert told.err.count("\n") <= 1, told.err
        assert told.code in (0, 1, 2, 3, 5, 8, 9), told
    rows = desk.run("verify", PLAIN, "--json", *names).json
    assert [row["file"] for row in rows] == names, "as JSON the name is the name"
    assert [row["verdict"] for row in rows] == ["declared", "declared", "untrusted"]
    assert desk.run("verify", PLAIN, *names, "--report", desk.home / "report.html").code == 1
    report = (desk.home / "report.html").read_text("utf-8")
    assert _inert(report)
    for markup in ("<script>alert", "<img src=x", "<b>bold", "</style><script"):
        assert markup not in report
    assert report.count("</style>") == 1


# --- bombs ---


def _app1(payload: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]>"
)
TYPES = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def _bombs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each bomb."""
    photo = work("photo.jpg", folder).read_bytes()
    picture = work("picture.png", folder).read_bytes()
    film = work("h264.mp4", folder).read_bytes()
    xap = b"http://ns.adobe.com/xap/1.0/\0"
    laughs = f'<?xpacket?>{LAUGHS}<x:xmpmeta xmlns:x="adobe:ns:meta/">&m;</x:xmpmeta>'.encode()
    deep = b"<a>" * 20_000 + b"</a>" * 20_000
    yield "laughs.jpg", photo[:2] + _app1(xap + laughs) + photo[2:]
    yield "deep-xmp.jpg", photo[:2] + _app1(xap + deep[:60_000]) + photo[2:]
    yield "segments.jpg", photo[:2] + b"\xff\xe7\0\2" * 65_000 + photo[2:]
    yield "more-segments.jpg", photo[:2] + b"\xff\xe7\0\2" * 250_000 + photo[2:]
    yield "xmp-segments.jpg", photo[:2] + _app1(xap + b"<x/>" * 10) * 10_000 + photo[2:]
    extended = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", 2**32 - 1, 0)
    yield "extended.jpg", photo[:2] + _app1(extended + b" " * 60_000) * 200 + photo[2:]
    zeros = zlib.compress(bytes(64 << 20), 9)
    head, tail = picture[:33], picture[33:]
    yield "ztxt.png", head + _png_chunk(b"zTXt", b"Comment\0\0" + zeros) + tail
    yield "itxt.png", head + _png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros) + tail
    yield "iccp.png", head + _png_chunk(b"iCCP", b"icc\0\0" + zeros) + tail
    yield "chunks.png", head + _png_chunk(b"tEXt", b"a\0b") * 210_000 + tail
    yield (
        "pixels.png",
        head[:8]
        + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 6, 0, 0, 0))
        + (_png_chunk(b"IDAT", zeros) + _png_chunk(b"IEND", b"")),
    )
    boxes = b""
    for _ in range(50_000):
        boxes = struct.pack(">I", len(boxes) + 8) + b"moov" + boxes if len(boxes) < 400_000 else boxes
    yield "deep.mp4", film[:32] + boxes + film[32:]
    yield "wide.mp4", film[:32] + _box(b"free", b"") * 210_000 + film[32:]
    yield "endless.mp4", film[:32] + struct.pack(">I4sQ", 1, b"moov", 2**63 - 1) + film[32:]
    core = f'<?xml version="1.0"?>{LAUGHS}<cp:coreProperties xmlns:cp="urn:x">&m;</cp:coreProperties>'.encode()
    yield (
        "laughs.docx",
        _zip(**{"[Content_Types]_xml": TYPES, "word__document_xml": b"<w/>", "docProps__core_xml": core}),
    )
    yield (
        "zip.docx",
        _zip(**{"[Content_Types]_xml": TYPES, "word__document_xml": b"<w/>", "docProps__core_xml": bytes(64 << 20)}),
    )
    yield "deep.docx", _zip(**{"[Content_Types]_xml": TYPES, "word__document_xml": b"<w/>", "docProps__core_xml": deep})
    yield "laughs.svg", f'<?xml version="1.0"?>{LAUGHS}<svg xmlns="http://www.w3.org/2000/svg">&m;</svg>'.encode()
    yield "deep.svg", b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 500_000
    aliases = "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9)}]\n" for n in range(1, 20))
    yield "laughs.md", f"---\nk0: &k0 [ha]\n{aliases}---\n# Text\n".encode()
    yield "deep.md", b"---\na: " + b"[" * 100_000 + b"\n---\n# Text\n"
    yield "flow.md", b"---\na: " + b"{a: " * 30_000 + b"\n---\n# Text\n"
    yield "deep.html", b"<!DOCTYPE html><html><body>" + b"<div>" * 500_000
    yield "comments.html", b"<!DOCTYPE html><html><head>" + b"<!--" * 500_000 + b"<script " * 200_000
    yield "metas.html", b"<!DOCTYPE html><html><head>" + b'<meta name="AIGC" content="{">' * 20_000
    yield "wrappers.txt", ("Text\ufeff" + "\U000e0100\ufe0f" * 300_000).encode()
    yield "fences.txt", b"-----BEGIN C2PA MANIFEST-----\n" * 100_000
    yield "json.html", b'<html><head><meta name="AIGC" content="' + b"[" * 100_000 + b'"></head></html>'
    yield "frames.mp3", b"ID3\x04\0\0\x1f\x7f\x7f\x7f" + b"TXXX\0\0\0\4\0\0\3a\0b" * 200_000 + bytes(100)
    yield (
        "chunks.wav",
        b"RIFF"
        + struct.pack("<I", 8 * 250_000 + 40)
        + b"WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0"
        + (b"junk\0\0\0\0" * 250_000)
        + b"data\x04\0\0\0abcd",
    )
    yield "loop.tiff", b"II*\0\x08\0\0\0" + b"\0\0\x08\0\0\0" + bytes(100)
    entries = b"".join(struct.pack("<HHII", 700, 1, 2**31, 8) for _ in range(20_000))
    yield "entries.tiff", b"II*\0\x08\0\0\0" + struct.pack("<H", 20_000) + entries + struct.pack("<I", 8)
    yield "comments.gif", b"GIF89a\x01\0\x01\0\0\0\0" + b"!\xfe\x01a\0" * 210_000 + b";"
    yield (
        "elements.mkv",
        b"\x1aE\xdf\xa3\x8b\x42\x82\x88matroska\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
        + b"\xec\x80" * 500_000,
    )
    yield "pages.ogg", b"".join(b"OggS\0\0" + bytes(20) + b"\0" for _ in range(100_000))
    yield "deep.heic", _box(b"ftyp", b"heic\0\0\0\0mif1heic") + boxes
    yield "nested.pdf", b"%PDF-1.7\n1 0 obj\n" + b"[" * 200_000 + b"\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"


def _run(desk: Desk, *arguments: str) -> tuple[subprocess.CompletedProcess[bytes], int]:
    """The command in a process of its own, and the most memory that it had, in bytes."""
    out, err = desk.home / "out", desk.home / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [PROGRAM, *arguments], cwd=desk.folder, env=environment(desk.home), stdout=stdout, stderr=stderr,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)),
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    done = subprocess.CompletedProcess(arguments, process.returncode, out.read_bytes(), err.read_bytes())
    return done, usage.ru_maxrss * 1024


def test_bombs_cost_bounded_time_and_memory(desk: Desk) -> None:
    names = [desk.write(name, content).name for name, content in _bombs(desk.home)]
    done, memory = _run(desk, "verify", "--jsonl", *names)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode in (1, 3), (done.returncode, done.stderr[-500:], rows[-1:])
    assert [row["file"] for row in rows] == names
    crashed = [row for row in rows if row.get("exit_code") == 15]
    assert not crashed
    assert {row["verdict"] for row in rows} <= {"unmarked", "unreadable", "incomplete", "declared", "invalid"}
    assert memory < MEMORY

    (desk.folder / "out").mkdir()
    before = {name: (desk.folder / name).stat().st_size for name in names}
    done, memory = _run(desk, "label", "--json", "--out-dir", "out", *names)
    rows = json.loads(done.stdout)
    failed = {row["file"]: row["exit_code"] for row in rows if row["status"] == "failed"}
    assert set(failed.values()) <= {2, 3, 11}, (failed, done.stderr.decode()[-3000:])
    assert {name: (desk.folder / name).stat().st_size for name in names} == before
    assert {path.name for path in (desk.folder / "out").iterdir()} <= {
        name for row in rows if row["status"] == "labelled" for name in (row["file"], row["file"] + ".c2pa")
    }
    assert memory < MEMORY
