"""Paying the journal: copying the present state of marked ids to the target."""
