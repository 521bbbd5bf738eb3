"""Texts: plain text, Markdown, HTML."""

from __future__ import annotations

from ..base import Format
from .markdown import Markdown
from .plain import PlainText
from .web import Html

__all__ = ["FORMATS", "Html", "Markdown", "PlainText"]

FORMATS: tuple[Format, ...] = (PlainText(), Markdown(), Html())
"""Plain text first: of formats that score alike it is the one whose name's ending says nothing else."""
