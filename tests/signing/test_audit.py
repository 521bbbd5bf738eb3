from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.settings import state_folder
from kzlabel.signing.audit import Signature, open_trail
from kzlabel.signing.audit.checking import check, records
from kzlabel.signing.audit.record import MAX_LINE, NOTHING, sealed
from kzlabel.signing.audit.trail import FileTrail, default_file, head_of, read_head

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "audit.md"
WORK = Signature("0eac61fe58b5", "urn:c2pa:901def7e", "8" * 64, "4" * 64, None, "b" * 64, "kz", "none")
SCRIPT = """
import sys
from tests.signing.test_audit import write
write(sys.argv[1], int(sys.argv[2]))
"""

posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes, signals and Unix sockets")


def write(path: str, number: int) -> None:
    trail = open_trail(path)
    for _ in range(number):
        trail.record(WORK)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Six records."""
    path = tmp_path / "audit.jsonl"
    write(str(path), 6)
    return path


def sequence(path: Path) -> list[int]:
    return [record["seq"] for record in records([path]) if record]


# --- the record ---


def test_a_record_holds_what_is_documented_and_nothing_else(file: Path) -> None:
    table = re.search(r"\| member \| what \|\n(.*?)\n\n", DOCUMENT.read_text(), re.DOTALL)
    assert table
    documented = {name for row in table[1].splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    written = {name for record in records([file]) if record for name in record}
    assert written == documented - {"after_torn"}


def test_each_record_names_the_hash_of_the_one_before(file: Path) -> None:
    previous = NOTHING.hash
    for line in file.read_bytes().splitlines():
        record = json.loads(line)
        assert record["previous"] == previous
        previous = record["hash"]
        assert hashlib.sha256(line[: line.rindex(b',"hash":')]).hexdigest() == previous


def test_the_script_in_the_document_checks_a_chain(file: Path) -> None:
    script = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert script
    told = subprocess.run([sys.executable, "-c", script[1], file], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == json.loads(file.read_bytes().splitlines()[-1])["hash"]
    file.write_bytes(file.read_bytes().replace(b'"kz"', b'"eu"', 1))
    told = subprocess.run([sys.executable, "-c", script[1], file], capture_output=True, text=True, check=False)
    assert "line 1 was changed" in told.stderr


def test_text_in_a_record_is_one_line_of_bounded_ascii() -> None:
    wild = Signature("\n\x1b[2J\u202e" * 1000, "ж" * 10_000, None, "4" * 64, None, '","hash":"', "kz", "none")
    line, head = sealed(wild, NOTHING)
    assert line.isascii()
    assert line.count(b"\n") == 0
    assert len(line) < MAX_LINE
    assert json.loads(line)["hash"] == head.hash
    assert json.loads(line)["signer"] == '","hash":"'


# --- writing ---


@posix_only
def test_only_the_owner_can_read_the_records(tmp_path: Path) -> None:
    path = tmp_path / "state" / "audit.jsonl"
    write(str(path), 1)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert head_of(path).stat().st_mode & 0o777 == 0o600


def test_without_a_place_records_go_to_the_state_folder_of_these_tests() -> None:
    trail = open_trail()
    assert isinstance(trail, FileTrail)
    assert trail.path == default_file() == state_folder() / "audit.jsonl"
    if sys.platform == "linux":
        assert Path(tempfile.gettempdir()) in trail.path.parents


def test_off_keeps_nothing(tmp_path: Path) -> None:
    trail = open_trail("off")
    trail.ready()
    trail.record(WORK)
    with pytest.raises(ConfigurationError, match="no place for records"):
        open_trail("https://example.org/audit")


def test_eight_processes_and_eight_threads_lose_no_record(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with multiprocessing.get_context("spawn").Pool(8) as pool:
        pool.starmap(write, [(str(path), 50)] * 8, chunksize=1)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, [str(path)] * 8, [25] * 8))
    found = check([path])
    assert (found.whole, found.records) == (True, 600)
    assert sequence(path) == list(range(1, 601))


@posix_only
def test_a_process_forked_while_another_thread_writes_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    script = (
        "import os, sys\nfrom kzlabel.files import locked\nfrom pathlib import Path\n"
        "with locked(Path(sys.argv[1])):\n    child = os.fork()\n    if not child:\n"
        "        sys.stdin.read(); os._exit(0)\n"
        "with locked(Path(sys.argv[1])):\n    print('free', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        told, _ = process.communicate(timeout=30)
    assert told == "free\n"


@posix_only
def test_a_writer_killed_at_any_moment_leaves_a_chain_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    wanted = 20
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", SCRIPT, path, "1000000"], cwd=ROOT) as process:
            while not path.exists() or path.read_bytes().count(b"\n") < wanted:
                assert process.poll() is None
            process.kill()
        found = check([path])
        assert found.whole or (found.broken and found.broken.what == "torn")
        write(str(path), 1)
        found = check([path])
        assert found.whole, found.broken
        wanted = found.records + 20


@pytest.mark.parametrize("kept", [1, 14, 40, 300, -100, -2])
def test_a_torn_line_is_reported_until_the_next_record_tells_of_it(file: Path, kept: int) -> None:
    known = read_head(file)
    assert known
    torn, _ = sealed(WORK, known)
    with file.open("ab") as writer:
        writer.write(torn[:kept])
    found = check([file])
    assert found.broken
    assert (found.broken.what, found.broken.line, found.records) == ("torn", 7, 6)

    write(str(file), 2)
    found = check([file])
    assert (found.whole, found.records) == (True, 8), found.broken
    assert "line 7: torn when a writer was cut short; record 7 tells of it" in found.notes[0]
    assert [record for record in records([file]) if record is None] == [None]

    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:6] + lines[7:]))
    broken = check([file]).broken
    assert broken
    assert (broken.what, broken.record) == ("removed", 7)
    file.write_bytes(b"".join([*lines[:6], b"{" + lines[6], *lines[7:]]))
    broken = check([file]).broken
    assert broken
    assert (broken.what, broken.line) == ("changed", 7)


def test_a_torn_line_of_zeros_or_twice_torn_is_told_of_too(file: Path) -> None:
    with file.open("ab") as writer:
        writer.write(b"\0" * 4096)
    write(str(file), 1)
    with file.open("ab") as writer:
        writer.write(b'{"v":1,"s\n{"v":')
    write(str(file), 1)
    found = check([file])
    assert (found.whole, found.records, len(found.notes)) == (True, 8, 2), found.broken


def test_a_whole_record_without_its_line_end_gets_one(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    broken = check([file]).broken
    assert broken
    assert (broken.what, broken.record) == ("torn", 6)
    write(str(file), 1)
    assert file.read_bytes().startswith(whole)
    assert check([file]).whole


def test_a_first_record_that_was_torn_does_not_stop_the_next(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(sealed(WORK, NOTHING, begins=True)[0][:100])
    write(str(path), 2)
    found = check([path])
    assert (found.whole, found.records, found.first) == (True, 2, 1)


@pytest.mark.parametrize(
    "content", [b"A diary.\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 100_000, b'{"v":1,"seq":' + b"1" * 99_999]
)
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "diary.txt"
    path.write_bytes(content)
    for act in (open_trail(str(path)).ready, lambda: write(str(path), 1)):
        with pytest.raises(SigningError, match="does not end with an audit record"):
            act()
    assert path.read_bytes() == content


@posix_only
def test_a_place_that_cannot_be_written_says_how_to_name_another(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(SigningError, match=r"cannot be written: .*--audit off"):
        open_trail(str(tmp_path / "taken" / "audit.jsonl")).ready()
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(SigningError):
            open_trail(str(place)).ready()
    with pytest.raises(SigningError, match="cannot be written"):
        open_trail(str(tmp_path)).ready()


@posix_only
def test_a_full_disk_leaves_no_part_of_a_record(file: Path) -> None:
    before = file.read_bytes()
    script = (
        "import resource, sys\nfrom tests.signing.test_audit import write\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\nwrite(sys.argv[1], 1)"
    )
    for room in (0, 100):
        told = subprocess.run(
            [sys.executable, "-c", script, file, str(len(before) + room)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "SigningError" in told.stderr, told.stderr
        assert file.read_bytes() == before
    write(str(file), 1)
    assert check([file]).whole


# --- the system's log ---


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[socket.socket, str]]:
    """A socket as the system's log has one; its path must be short."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"{folder}/log")
        listener.settimeout(10)
        monkeypatch.setenv("XDG_STATE_HOME", f"{folder}/state")
        yield listener, f"syslog:{folder}/log"


@posix_only
def test_the_log_gets_a_chain_that_can_be_checked(log: tuple[socket.socket, str], tmp_path: Path) -> None:
    listener, place = log
    open_trail(place).ready()
    write(place, 2)
    write(place, 1)
    told = [listener.recv(20_000) for _ in range(3)]
    assert all(re.match(rb"<86>kzlabel\[\d+\]: \{", line) for line in told)
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(b"".join(line.partition(b": ")[2] + b"\n" for line in told))
    found = check([kept])
    assert (found.whole, found.records) == (True, 3)


@posix_only
def test_a_log_that_nobody_keeps_is_refused_and_the_chain_waits(log: tuple[socket.socket, str], tmp_path: Path) -> None:
    listener, place = log
    write(place, 1)
    listener.close()
    for act in (open_trail(place).ready, lambda: write(place, 1)):
        with pytest.raises(SigningError, match="cannot be written"):
            act()
    head = read_head(state_folder() / "audit.syslog")
    assert head
    assert head.seq == 1
    head_of(state_folder() / "audit.syslog").write_bytes(b"?")
    with pytest.raises(SigningError, match="begins a new chain"):
        open_trail(place).ready()
