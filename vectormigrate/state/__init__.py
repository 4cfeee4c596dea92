"""The one SQLite file that remembers: the only room with SQL of ours in it."""
