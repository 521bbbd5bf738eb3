"""Alembic runs this; the connection comes from `kzlabel.registry.migration`."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
