"""The verbs: create, run, pause, resume, validate, roll back, look. The only door for `api` and `cli`.

A `Control` owns the state file for as long as it is open for writing; looking needs no ownership.
"""
