"""Files cut and mutated by chance that repeats."""

from __future__ import annotations

import random

EXTREMES = (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\xff" * 8, b"\0" * 8)


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """The file cut, or changed in one to five places; half of them in the first kilobytes, where headers stand."""
    data = bytearray(whole)
    if chance.random() < 0.15:
        return bytes(data[: chance.randrange(len(data))])
    for _ in range(chance.randint(1, 5)):
        end = min(len(data), 3000) if chance.random() < 0.5 else len(data)
        place = chance.randrange(end) if end else 0
        size = chance.choice((1, 4, 30, 1000))
        match chance.randrange(7):
            case 0 | 1:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 2:
                extreme = chance.choice(EXTREMES)
                data[place : place + len(extreme)] = extreme
            case 3:
                del data[place : place + size]
            case 4:
                data[place:place] = data[place : place + size]
            case 5:
                data[place : place + size] = chance.randbytes(size)
            case 6:
                other = chance.randrange(len(data)) if data else 0
                data[place : place + size] = data[other : other + size]
    return bytes(data)
