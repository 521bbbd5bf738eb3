"""The demonstration: works of our own, drawn and synthesised at first run, labelled, verified, tampered with."""
