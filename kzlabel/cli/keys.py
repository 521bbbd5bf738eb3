"""kzlabel keys: signing keys and certificates"""

from __future__ import annotations

import typer

from . import audit

group = typer.Typer(
    name="keys",
    help="Make, import, show and renew signing keys and certificates.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
group.command("audit", epilog=audit.EXAMPLE)(audit.audit)
