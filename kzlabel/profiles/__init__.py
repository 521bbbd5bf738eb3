"""What each regime requires, as data: one TOML file per regime, with the source of every rule."""
