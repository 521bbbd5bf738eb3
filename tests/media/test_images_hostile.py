"""Damaged and hostile pictures: only our own errors come out, and never a half-written promise."""

from __future__ import annotations

import io
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kzlabel.errors import InternalError, KzlabelError
from kzlabel.limits import Limits
from kzlabel.media.base import Format, RenderPlan

from .pictures import PLAN, adapter, scene

LIMITS = Limits(max_pixels=4_000_000, max_total_pixels=16_000_000, max_frames=64)


def _golden() -> dict[str, bytes]:
    picture = Image.fromarray(scene(160, 120))
    others = [Image.fromarray(scene(160, 120, step=30 * step)) for step in (1, 2)]
    made: dict[str, bytes] = {}
    kinds: list[tuple[str, str, dict[str, object]]] = [
        ("JPEG", "JPEG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"}),
        ("JPEG progressive", "JPEG", {"progressive": True}),
        ("PNG", "PNG", {}),
        ("PNG animated", "PNG", {"save_all": True, "append_images": others, "duration": 40}),
        ("WebP", "WEBP", {}),
        ("WebP animated", "WEBP", {"save_all": True, "append_images": others, "duration": 40}),
        ("AVIF", "AVIF", {"speed": 10}),
        ("AVIF animated", "AVIF", {"save_all": True, "append_images": others, "duration": 40, "speed": 10}),
        ("GIF animated", "GIF", {"save_all": True, "append_images": others, "duration": 40}),
        ("TIFF", "TIFF", {"save_all": True, "append_images": others}),
        ("TIFF LZW", "TIFF", {"compression": "tiff_lzw"}),
    ]
    for name, format, options in kinds:
        file = io.BytesIO()
        picture.save(file, format, **options)
        made[name] = file.getvalue()
    return made


GOLDEN = _golden()


def render(name: str, data: bytes) -> None:
    """Label the bytes; whatever happens, only our own errors may come out, and no broken promise."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in put"), Path(folder, "out")
        source.write_bytes(data)
        format = adapter(name.split()[0])
        refused = _attempt(format, source, target)
        assert refused is None or (refused.startswith("in put: ") and "\n" not in refused), refused


def _attempt(format: Format, source: Path, target: Path) -> str | None:
    try:
        rendered = format.render(source, target, RenderPlan(PLAN, limits=LIMITS))
        format.check(source, target, rendered, LIMITS)
    except InternalError:
        raise
    except KzlabelError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", GOLDEN)
def test_the_golden_file_itself_is_labelled(name: str, tmp_path: Path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(GOLDEN[name])
    rendered = adapter(name.split()[0]).render(source, target, RenderPlan(PLAN, limits=LIMITS))
    assert rendered.disclosure


@pytest.mark.parametrize("name", GOLDEN)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_mutations_let_only_our_errors_out(name: str, data: st.DataObject):
    golden = GOLDEN[name]
    mutated = bytearray(golden)
    dice = random.Random(data.draw(st.integers(0, 2**32), label="seed"))
    for _ in range(dice.randint(1, 4)):
        kind = dice.random()
        # Headers are where the traps are: half of the hits go there.
        place = dice.randrange(min(len(mutated), 400) if dice.random() < 0.5 else len(mutated))
        if kind < 0.5:
            mutated[place] = dice.randrange(256)
        elif kind < 0.65:
            mutated[place : place + 4] = dice.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1"])
        elif kind < 0.8:
            del mutated[place : place + dice.randint(1, 40)]
        else:
            mutated[place:place] = mutated[place : place + dice.randint(1, 40)]
    render(name, bytes(mutated))


@pytest.mark.parametrize("name", GOLDEN)
def test_random_bytes_behind_a_good_beginning_are_refused(name: str):
    dice = random.Random(7)
    for keep in (4, 12, 30, 100, 300):
        render(name, GOLDEN[name][:keep] + dice.randbytes(2000))


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in GOLDEN}))
@pytest.mark.parametrize("data", [b"", b"\0", b"x" * 5000], ids=["empty", "one byte", "text"])
def test_what_is_no_such_file_at_all_is_refused(name: str, data: bytes):
    render(name, data)
