"""Whether the target holds what the source holds: full scan, sample, recheck, and the report of what was proven.

Everything here reads and nothing writes, neither to a store nor to the state: findings are handed to a callback.
"""
