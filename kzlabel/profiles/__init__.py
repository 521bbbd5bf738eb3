"""What each regime requires, as data: one TOML file per regime, with the source of every rule."""

from __future__ import annotations

from .profile import Profile, Rule, load_profile, profile_names

__all__ = ["Profile", "Rule", "load_profile", "profile_names"]
