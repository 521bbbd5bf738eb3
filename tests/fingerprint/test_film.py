"""The fingerprint of films: found at any time, at any size, and where the watermark lies in a cut copy."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzlabel.demo.scenery import landscape
from kzlabel.errors import UnreadableFile
from kzlabel.fingerprint import film
from kzlabel.registry.entry import MOST_DATA
from kzlabel.watermark.detection import Geometry
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.video import detect, detect_still, pattern

Frames = list[tuple[float, np.ndarray]]
WIDTH, HEIGHT = 640, 360


def reel(seed: int, seconds: int, rate: int = 4) -> Frames:
    """A view that pans over a landscape, another every four seconds; marked as films are."""
    payload = Payload("0123456789ab")
    away = 1.5 * (pattern(WIDTH, HEIGHT, payload).astype(np.float32) - 128)
    scenes = [
        np.asarray(landscape(900, 420, seed=seed + at).convert("L"), np.float32) for at in range(seconds // 4 + 1)
    ]
    dice = np.random.default_rng(seed)
    frames: Frames = []
    for number in range(seconds * rate):
        second = number / rate
        x = int(40 * (second % 4)) + 5
        shown = scenes[int(second) // 4][20 : 20 + HEIGHT, x : x + WIDTH]
        sign = 1 if int(second) % 8 < 4 else -1
        frames.append(
            (second, np.clip(shown + sign * away + dice.normal(0, 1, shown.shape), 0, 255).astype(np.float32))
        )
    return frames


@pytest.fixture(scope="module")
def original() -> Frames:
    return reel(1, 24)


@pytest.fixture(scope="module")
def printed(original: Frames) -> film.FilmFingerprint:
    made = film.fingerprint(original)
    assert made
    return made


def changed(frames: Frames, change: object) -> Frames:
    """From second 0 on, as a file that was cut begins."""
    return [(second - frames[0][0], np.asarray(change(luma), np.float32)) for second, luma in frames]  # type: ignore[operator]


def scaled(luma: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)


def coded(luma: np.ndarray) -> np.ndarray:
    _, data = cv2.imencode(".jpg", np.rint(luma).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 25])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def test_a_minute_has_sixteen_kilobytes_at_most(original: Frames) -> None:
    for height, width in ((360, 640), (640, 360), (400, 400), (240, 560), (320, 640), (480, 640)):
        plane = np.random.default_rng(1).integers(0, 255, (height, width)).astype(np.float32)
        made = film.fingerprint((float(second), plane) for second in range(60))
        assert made
        assert len(made.codes) == 60
        assert len(made.to_bytes()) <= 16_000


@pytest.mark.parametrize(
    "change",
    [lambda x: x, coded, lambda x: coded(scaled(x, 426, 240)), lambda x: x * 0.7 + 20],
    ids=["as it is", "encoded", "240p", "darker"],
)
def test_ten_seconds_are_found_in_their_place(original: Frames, printed: film.FilmFingerprint, change: object) -> None:
    told = film.agreement(printed, changed(original[29:69], change))
    assert told
    assert told.same
    assert told.offset == pytest.approx(29 / 4, abs=0.01)
    assert told.span
    assert told.span[1] - told.span[0] >= 8


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[40:328, 30:542],
        lambda x: x[:, 200:402],
        lambda x: np.pad(scaled(x, 560, 316), ((100, 100), (20, 20))),
    ],
    ids=["cut to 80 %", "9:16", "letterboxed"],
)
def test_a_cut_film_is_compared_where_its_mark_lies(
    original: Frames, printed: film.FilmFingerprint, change: object
) -> None:
    copy = changed(original[:40], change)
    marks = detect([np.rint(luma).astype(np.uint8) for _, luma in copy], 4.0)
    assert marks
    told = film.agreement(printed, copy, marks[0].geometry)
    blind = film.agreement(printed, copy)
    assert told
    assert told.same
    assert told.offset == 0
    assert blind is None or not blind.same


def test_a_part_of_a_longer_film_is_told(original: Frames, printed: film.FilmFingerprint) -> None:
    before, after = reel(31, 8), reel(41, 8)
    frames = [luma for _, luma in [*before, *original[:48], *after]]
    told = film.agreement(printed, [(number / 4, luma) for number, luma in enumerate(frames)])
    assert told
    assert told.offset == -8
    assert told.span == pytest.approx((8, 19), abs=1)


def test_a_single_frame_is_found(original: Frames, printed: film.FilmFingerprint) -> None:
    frame = coded(original[40][1]).astype(np.float32)
    told = film.agreement(printed, [(0.0, frame)], next((one.geometry for one in detect_still(frame)), None))
    assert told
    assert told.same
    assert told.offset == 10


def test_another_film_does_not_agree(printed: film.FilmFingerprint) -> None:
    for seed in (51, 61):
        told = film.agreement(printed, reel(seed, 12))
        assert told
        assert not told.same


def test_a_copy_shares_keys(original: Frames, printed: film.FilmFingerprint) -> None:
    kept = set(film.keys(printed))
    assert len(kept.intersection(film.query_keys(changed(original[29:69], coded)))) >= 4
    assert not kept.intersection(film.query_keys(reel(51, 8)))


def test_frames_that_show_nothing_say_nothing(printed: film.FilmFingerprint) -> None:
    black: Frames = [(float(second), np.zeros((HEIGHT, WIDTH), np.float32)) for second in range(5)]
    assert film.agreement(printed, black) is None
    assert film.query_keys(black) == ()
    made = film.fingerprint(black)
    assert made
    assert film.keys(made) == ()
    assert film.fingerprint([]) is None
    assert film.agreement(printed, []) is None
    assert film.fingerprint([(0.0, np.zeros((1, 5000), np.float32))]) is None
    assert film.agreement(printed, [(0.0, np.full((3, 5), np.nan, np.float32))]) is None


def test_a_second_without_a_frame_repeats_the_last(original: Frames) -> None:
    made = film.fingerprint([original[0], (3.5, original[20][1]), (3.7, original[30][1])])
    assert made
    assert len(made.codes) == 4
    assert made.codes[1] == made.codes[2] == made.codes[3]


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf"), 1e-30, 1e9])
def test_a_geometry_that_no_reader_finds_does_no_harm(
    original: Frames, printed: film.FilmFingerprint, scale: float
) -> None:
    geometry = Geometry(((scale, 0.0, 0.5), (0.0, scale, 0.5), (0.0, 0.0, 1.0)))
    told = film.agreement(printed, original[:8], geometry)
    assert told
    assert told.same


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.randoms())
def test_a_fingerprint_comes_back(count: int, rows: int, columns: int, dice: object) -> None:
    random = np.random.default_rng(dice.randint(0, 2**32))  # type: ignore[attr-defined]
    made = film.FilmFingerprint(
        random.integers(0, 2**63, count).astype(np.uint64),
        random.integers(0, 2, (count, rows, columns, 16)).astype(np.bool_),
        random.integers(0, 2, (count, rows, columns)).astype(np.bool_),
    )
    read = film.FilmFingerprint.from_bytes(made.to_bytes())
    assert (read.codes == made.codes).all()
    assert (read.signs == made.signs).all()
    assert (read.textured == made.textured).all()


@given(st.binary(max_size=80))
def test_other_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        film.FilmFingerprint.from_bytes(data)
    except UnreadableFile:
        return


def test_a_film_has_the_fingerprint_it_always_had() -> None:
    steps = np.random.default_rng(1).integers(0, 256, (9, 16)).astype(np.float32)
    told = film.fingerprint([(0.0, np.kron(steps, np.ones((40, 40), np.float32)))])
    assert told
    wanted = film.FilmFingerprint.from_bytes(bytes.fromhex(GOLDEN))
    assert told.textured.tolist() == wanted.textured.tolist()
    # What is next to nothing may fall otherwise with another library's scaling.
    assert int((told.signs != wanted.signs).sum()) <= 4
    assert int(told.codes[0] ^ wanted.codes[0]).bit_count() <= 2


GOLDEN = (
    "01080e00000001d46fda88fc6438a1ffffffffffffffffffffffffffffaa30f185f1cb0cea0e34aab5e1c702a8f6752d4fd2"
    "a2f2d51d0e28d3f92804ee16eea295f91069c3d18df15608a8d7dd094a06e296ae2ed30d7ed2a42a51f113046e86c7c6fe16"
    "adebd7047a972deb111f2cf111f1110d2ae2d3552c1ea4e9130aa8fb97547aa9212d51d2a0cfdcd4ee22f30f69e3d3572c08"
    "a2eb81f1d624722aa8ddddf2311d0f267b0e2cd1d6b452a1d3552c2cb2e45306684badd55d2c20cb8fd18ef0d3118ce651fc"
    "a8f4130e2deba751adbd74f182d678d9a69456bc2273af0ed9e2f3ad59d1ae03d3b5770ec87c7cfc02ee789d0ffaa2d9ae17"
    "aea0d3"
)


def test_a_fingerprint_with_more_cells_than_a_frame_has_is_refused() -> None:
    for rows, columns in ((255, 30), (11, 11)):
        cells = rows * columns
        data = struct.pack(">BBBI", 1, rows, columns, 1) + bytes(8 + -(-cells // 8) + 2 * cells)
        with pytest.raises(UnreadableFile):
            film.FilmFingerprint.from_bytes(data)


def test_the_longest_film_has_a_fingerprint_that_a_registry_keeps() -> None:
    cells = film.MOST_CELLS
    assert 7 + film.MOST_FRAMES * (8 + -(-cells // 8) + 2 * cells) <= MOST_DATA
