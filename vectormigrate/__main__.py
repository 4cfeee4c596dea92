"""`python -m vectormigrate`."""

from vectormigrate.cli.main import run

run()
