"""The part of the catalogue of settings that is about whom a daemon tells what happens. Light, as `settings.py`."""

from __future__ import annotations

from .setting import Kind, Setting

HOOKS = (
    Setting(
        name="hooks",
        section="serve",
        metavar="FOLDER",
        help="Executables there are run by the name of what happens (gap_opened, before_cutover, ...).",
        unset="none",
    ),
    Setting(
        name="hook-timeout",
        section="serve",
        kind=Kind.FLOAT,
        default=30.0,
        least=0.1,
        most=3600,
        unit="seconds",
        help="How long one of them may take; then it is killed and counts as failed.",
    ),
    Setting(
        name="status-every",
        section="serve",
        kind=Kind.FLOAT,
        default=0.0,
        least=0,
        most=86_400,
        unit="seconds",
        help="How often hooks and webhooks are told the status of each migration that is under way; 0 for never.",
    ),
)
WEBHOOK = (
    Setting(name="url", section="webhooks", metavar="URL", reference=True, help="Who is told, by POST."),
    Setting(
        name="secret",
        section="webhooks",
        metavar="SECRET",
        secret=True,
        reference=True,
        default="",
        help="Shared with the receiver, to sign what is sent.",
    ),
    Setting(
        name="events",
        section="webhooks",
        kind=Kind.NAMES,
        default=(),
        metavar="NAME",
        help="What is told; everything when it is left out.",
    ),
)
"""One receiver: tables `[webhooks.NAME]` make any number."""
