"""The drawing of a copy in the registered work's frame: whatever stands in the evidence."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from kzlabel.verification.drawing import drawing

CORNERS = [[0.1, 0.2], [0.6, 0.2], [0.6, 0.8], [0.1, 0.8]]


def test_the_frame_the_copy_and_what_disagrees_are_drawn() -> None:
    drawn = drawing({"aspect": 2.0, "corners": CORNERS, "disagreeing": [[0.2, 0.3, 0.1, 0.1]]})
    assert drawn is not None
    shapes = ElementTree.fromstring(drawn.html)
    assert [shape.get("class") for shape in shapes] == ["frame", "copy", "differs"]
    assert shapes[0].get("height") == "160.0"
    assert shapes[1].get("points") == "32.0,32.0 192.0,32.0 192.0,128.0 32.0,128.0"
    assert "1 areas disagree" not in (shapes.get("aria-label") or "")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "aspect": values | st.floats(0.01, 100),
            "corners": values | st.just(CORNERS) | st.lists(st.lists(st.floats(), max_size=3), max_size=5),
            "disagreeing": values | st.lists(st.lists(st.floats(), min_size=4, max_size=4), max_size=4),
        },
    )
)
def test_odd_places_are_drawn_or_left_out(place: dict[str, Any]) -> None:
    drawn = drawing(place)
    if drawn is not None:
        ElementTree.fromstring(drawn.html)
        assert "nan" not in drawn.html
        assert "inf" not in drawn.html.replace("disagree", "")
