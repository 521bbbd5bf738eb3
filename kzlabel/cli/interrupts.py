"""Ctrl-C, SIGTERM and the loss of the terminal: all end a command in the same tidy way, when it is safe."""

from __future__ import annotations

import signal
from types import FrameType

LATER = 0.02  # seconds until an interrupt that cannot be raised now is tried again
AGAIN = 2.0  # seconds until one is raised once more: native modules forget it while they are imported, as lxml does
_NATIVE = "c2pa"
_OWN_CALLBACK = ("kzlabel.marks.signing_hand", "__call__")  # keeps an interrupt, and has it raised after c2pa returned


def catch_interrupts() -> None:
    """Have all three raise KeyboardInterrupt once, so that unfinished files are removed."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup asks to be left alone
            signal.signal(number, _interrupt)


def interrupt_waits() -> bool:
    """Whether one came, even if something threw it away; from now on it is raised no more."""
    return hasattr(signal, "setitimer") and signal.setitimer(signal.ITIMER_REAL, 0)[0] > 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not cut the tidying short
    lost = False
    if hasattr(signal, "setitimer"):
        lost = _would_be_lost(frame)
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, LATER if lost else AGAIN)
    if not lost:
        raise KeyboardInterrupt


def _would_be_lost(frame: FrameType | None) -> bool:
    """Whether c2pa is at work, which calls back into Python for each piece of a file.

    What such a call raises Python prints and forgets; c2pa is told that a piece is empty, takes the file for changed,
    or never comes back.
    """
    inside = False
    while frame is not None:
        module, name = str(frame.f_globals.get("__name__")), frame.f_code.co_name
        if inside and (module, name) == _OWN_CALLBACK:
            return False
        if module.partition(".")[0] == _NATIVE:
            return True
        inside, frame = True, frame.f_back
    return False
