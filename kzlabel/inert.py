"""Text from files made harmless for any screen: data stays data, whatever characters it holds."""

from __future__ import annotations

import re
import unicodedata

LIMIT = 256  # characters of a name: as long as any product's or person's, too short to flood a terminal

# Categories that steer a screen or show nothing: controls, formats (bidi, zero width, tags), surrogates, line and
# paragraph separators; private and unassigned characters look different on every machine.
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})
# Visible to nobody although Unicode calls them letters or marks: fillers and variation selectors.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_JSON_STEERING = re.compile("[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def inert(text: str, limit: int = LIMIT) -> str:
    """One line of visible characters: control, direction and invisible ones as escapes, cut to `limit` characters.

    Doing it twice changes nothing. Markup is left alone: whoever writes HTML escapes it there.
    """
    cut = text[: limit + 1]
    if cut.isprintable() and not _INVISIBLE.search(cut):  # nearly every text: ten times as fast
        return cut if len(cut) <= limit else cut[: max(limit - 1, 0)] + "…"
    shown = "".join(_escape(char) if _steers(char) else char for char in cut)
    return shown if len(shown) <= limit else shown[: max(limit - 1, 0)] + "…"


def inert_json(serialised: str) -> str:
    """A serialised JSON text without raw direction, invisible or unencodable characters; it parses to the same."""
    return _JSON_STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", serialised)


def _steers(char: str) -> bool:
    return unicodedata.category(char) in _STEERING or _INVISIBLE.match(char) is not None


def _escape(char: str) -> str:
    code = ord(char)
    return _SHORT.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )
