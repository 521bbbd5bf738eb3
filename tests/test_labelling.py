from __future__ import annotations

from pathlib import Path

import pytest

from kzlabel.declaration import Declaration, Source
from kzlabel.errors import UsageError
from kzlabel.labeller import Labeller
from kzlabel.request import LabelOptions

from .media.reels import make

_MADE_BY = ("-metadata", "com.apple.quicktime.make=Apple", "-metadata", "com.apple.quicktime.model=iPhone 15")


def test_a_film_from_a_camera_is_labelled_only_on_a_clear_word(tmp_path: Path) -> None:
    film = make(tmp_path / "phone.mov", "h264", *_MADE_BY, "-movflags", "+use_metadata_tags", seconds="0.2")
    keys = tmp_path / "keys"
    with pytest.raises(UsageError, match=r"phone\.mov: camera metadata: Apple iPhone 15; say --source"):
        Labeller(LabelOptions(keys=keys)).label(film)
    assert not film.with_name("phone.labelled.mov").exists()
    modified = Labeller(LabelOptions(keys=keys)).label(
        film, tmp_path / "modified.mov", declaration=Declaration(source=Source.MODIFIED)
    )
    assert modified.status == "labelled"
    generated = Labeller(LabelOptions(keys=keys, source_confirmed=True)).label(film, tmp_path / "generated.mov")
    assert generated.status == "labelled"
