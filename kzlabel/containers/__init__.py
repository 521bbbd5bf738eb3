"""Where marks live in bytes: find, insert and remove a named slot. No codecs."""
