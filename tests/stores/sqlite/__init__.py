"""Tests of the SQLite adapter, each beside the module it tests."""
