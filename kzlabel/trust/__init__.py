"""Trust anchors and policies: whom a verifier believes."""
