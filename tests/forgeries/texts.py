"""Forgeries of manifests in texts: wrappers, blocks and elements, and what stands around them."""

from __future__ import annotations

from collections.abc import Iterator

from kzlabel.containers import text_wrapper
from kzlabel.containers.text_carriers import BEGIN

from .workshop import Made, Workshop, store_of

OTHER = "Мұнда басқа мәтін тұр.\nHere stands another text.\n"


def words_behind(shop: Workshop) -> Iterator[Made]:
    genuine = shop.signed("story.txt")
    yield Made.of("story.txt", genuine + "И ещё строка, никем не подписанная.\n".encode(), genuine)


def words_between(shop: Workshop) -> Iterator[Made]:
    genuine = shop.signed("story.txt")
    yield Made.of("story.txt", genuine.replace("Ветер".encode(), "Не ветер".encode()), genuine)


def letters_that_look_alike(shop: Workshop) -> Iterator[Made]:
    """Latin `e` for Cyrillic `е`."""
    genuine = shop.signed("story.txt")
    yield Made.of("story.txt", genuine.replace("Ветер".encode(), "Вeтeр".encode()), genuine)


def letters_of_no_width(shop: Workshop) -> Iterator[Made]:
    genuine = shop.signed("story.txt")
    for hidden in ("\u200b", "\u202e", "\ufe0f", "\U000e0041"):
        yield Made.of("story.txt", genuine.replace("Ветер".encode(), f"Ве{hidden}тер".encode()), genuine)


def wrapper_twice(shop: Workshop) -> Iterator[Made]:
    genuine = shop.signed("story.txt")
    wrapper, (_, end) = _wrapper(genuine)
    for forged in (
        genuine[:end] + wrapper + genuine[end:],
        wrapper + genuine,
        genuine + wrapper,
        genuine[:end] + b"\n" + wrapper + genuine[end:],
    ):
        yield Made.of("story.txt", forged, genuine)


def wrapper_of_another_text_too(shop: Workshop) -> Iterator[Made]:
    genuine = shop.signed("story.txt")
    strange, _ = _wrapper(shop.sign(OTHER.encode(), "story.txt"))
    for forged in (genuine + strange, strange + genuine):
        yield Made.of("story.txt", forged, genuine)


def wrapper_moved(shop: Workshop) -> Iterator[Made]:
    genuine = shop.signed("story.txt")
    wrapper, _ = _wrapper(genuine)
    yield Made.of("story.txt", OTHER.encode() + wrapper, genuine)
    yield Made.of("story.txt", OTHER[:-1].encode() + wrapper + b"\n", genuine)


def wrapper_of_a_wrong_length(shop: Workshop) -> Iterator[Made]:
    """The number in the wrapper's header is larger or smaller than the store."""
    genuine = shop.signed("story.txt")
    length = len(store_of(genuine, "story.txt"))
    for wrong in (length - 40, length + 4000, 0):
        yield Made.of("story.txt", _with_length(genuine, wrong), genuine)


def wrapper_cut(shop: Workshop) -> Iterator[Made]:
    genuine = shop.signed("story.txt")
    _, (start, end) = _wrapper(genuine)
    yield Made.of("story.txt", genuine[: (start + end) // 2] + genuine[end:], genuine)


def words_hidden_in_the_padding(shop: Workshop) -> Iterator[Made]:
    """Invisible letters behind the store, inside the range that the hash leaves out."""
    genuine = shop.signed("story.txt")
    store, (_, end) = store_of(genuine, "story.txt"), _wrapper(genuine)[1]
    room = text_wrapper.length_for(len(store)) - len(text_wrapper._written(store).encode())
    assert room >= 3
    forged = genuine[: end - 3] + "\ufe05".encode() + genuine[end:]
    assert len(forged) == len(genuine)
    yield Made.of("story.txt", forged, genuine)


def words_hidden_in_the_block(shop: Workshop) -> Iterator[Made]:
    """Inside the range of a Markdown comment that the hash leaves out."""
    genuine = shop.signed("note.md")
    yield Made.of("note.md", genuine.replace(f"{BEGIN} data:".encode(), f"{BEGIN}  data:".encode()), genuine)


def attribute_of_the_element(shop: Workshop) -> Iterator[Made]:
    page = shop.signed("page.html")
    yield Made.of("page.html", page.replace(b'<script type="app', b'<script id="hidden" type="app'), page)


def two_elements(shop: Workshop) -> Iterator[Made]:
    page = shop.signed("page.html")
    start, end = page.index(b"<script"), page.index(b"</script>") + 9
    element = page[start:end]
    yield Made.of("page.html", page[:end] + element + page[end:], page)
    strange = shop.sign(OTHER.encode(), "page.html")
    other = strange[strange.index(b"<script") : strange.index(b"</script>") + 9]
    yield Made.of("page.html", page[:start] + other + page[start:], page)


def element_moved(shop: Workshop) -> Iterator[Made]:
    """Out of the head to the end of the same page."""
    page = shop.signed("page.html")
    start, end = page.index(b"<script"), page.index(b"</script>") + 9
    yield Made.of("page.html", page[:start] + page[end:] + page[start:end], page)


def _wrapper(data: bytes) -> tuple[bytes, tuple[int, int]]:
    text = data.decode()
    (found,) = text_wrapper.find(text, max_store=1 << 20)
    start = len(text[: found.start].encode())
    wrapper = text[found.start : found.end].encode()
    return wrapper, (start, start + len(wrapper))


def _with_length(data: bytes, length: int) -> bytes:
    text = data.decode()
    (found,) = text_wrapper.find(text, max_store=1 << 20)
    at = found.start + 1 + 9  # behind U+FEFF, the magic number and the version
    number = "".join(text_wrapper._SELECTORS[byte] for byte in length.to_bytes(4, "big"))
    return (text[:at] + number + text[at + 4 :]).encode()
