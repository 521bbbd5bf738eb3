"""Signers, found by URI scheme."""
