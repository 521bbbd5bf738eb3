"""A registry as server of the C2PA Soft Binding Resolution API: `application` is mounted or run by any ASGI server."""

from __future__ import annotations

from .application import ResolutionOptions, application

__all__ = ["ResolutionOptions", "application"]
