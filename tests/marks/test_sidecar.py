from __future__ import annotations

import os
from pathlib import Path

import pytest

from kzlabel.errors import UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.marks.sidecar import Sidecar, find, is_sidecar, path_for


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.webm"
    path.write_bytes(b"content")
    return path


def test_a_sidecar_bears_the_whole_name_of_its_file(clip: Path) -> None:
    assert path_for(clip) == clip.with_name("clip.webm.c2pa")
    assert is_sidecar(path_for(clip))
    assert not is_sidecar(clip)


def test_the_exact_name_goes_before_the_ambiguous_one(clip: Path) -> None:
    clip.with_name("clip.c2pa").write_bytes(b"ambiguous")
    assert find(clip, None, DEFAULT_LIMITS) == Sidecar(b"ambiguous", True, "clip.c2pa")
    path_for(clip).write_bytes(b"exact")
    assert find(clip, None, DEFAULT_LIMITS) == Sidecar(b"exact", False, "clip.webm.c2pa")


def test_a_file_without_an_ending_has_one_name_for_its_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "README"
    path.write_bytes(b"x")
    path_for(path).write_bytes(b"store")
    assert find(path, None, DEFAULT_LIMITS) == Sidecar(b"store", False, "README.c2pa")


def test_none_is_found_where_there_is_none(clip: Path) -> None:
    assert find(clip, None, DEFAULT_LIMITS) is None


def test_a_store_is_not_its_own_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "lonely.c2pa"
    path.write_bytes(b"store")
    assert find(path, None, DEFAULT_LIMITS) is None


def test_a_named_sidecar_may_stand_anywhere(clip: Path, tmp_path: Path) -> None:
    path_for(clip).write_bytes(b"beside")
    other = tmp_path / "elsewhere"
    other.write_bytes(b"named")
    assert find(clip, other, DEFAULT_LIMITS) == Sidecar(b"named", False, "elsewhere")


def test_a_named_sidecar_that_cannot_be_read_is_said(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"gone\.c2pa: .*check --sidecar"):
        find(clip, tmp_path / "gone.c2pa", DEFAULT_LIMITS)
    with pytest.raises(UnreadableFile, match="check --sidecar"):
        find(clip, tmp_path, DEFAULT_LIMITS)


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as on POSIX")
def test_links_folders_and_pipes_beside_a_file_are_left_alone(clip: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"elsewhere")
    path_for(clip).symlink_to(secret)
    clip.with_name("clip.c2pa").mkdir()
    assert find(clip, None, DEFAULT_LIMITS) is None
    path_for(clip).unlink()
    os.mkfifo(path_for(clip))
    assert find(clip, None, DEFAULT_LIMITS) is None


def test_of_a_sidecar_that_is_too_large_only_the_beginning_is_read(clip: Path) -> None:
    path_for(clip).write_bytes(b"x" * 500)
    found = find(clip, None, Limits(max_manifest_bytes=100))
    assert found is not None
    assert len(found.store) == 101
