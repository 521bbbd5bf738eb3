"""The machine-readable layers: the manifest, the text wrapper, the sidecar, metadata; mapped onto container slots."""
