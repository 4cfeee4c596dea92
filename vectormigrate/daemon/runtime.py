"""How a process runs while it moves records: what the interpreter and the C library do by default suits other programs.

Each setting was measured here and is worth five to thirty per cent of the processor time of a copy.
"""

from __future__ import annotations

import ctypes
import gc
import sys

_SWITCH = 0.0005
"""Seconds after which a thread that computes gives way (the interpreter's default is ten times as long): a thread that
moves bytes wants the lock for microseconds and often, and would wait out the whole of it each time.
"""
_YOUNG = 50_000
"""Objects made before the collector looks for cycles among them (by default 700). Records are hardly ever part of one,
and thousands of them would be looked at again and again.
"""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""From glibc's malloc.h."""
_ARENAS = 1
"""By default every thread keeps the memory it gave back for itself; pages are read, compared and written by threads in
turn, and what one is through with, the next can use.
"""
_KEPT, _SINGLE = 64 * 2**20, 32 * 2**20
"""Bytes of free memory that are kept, and of the smallest block that is got from the kernel alone. Every page of a scan
takes megabytes and gives them back; by default to the kernel, which clears them before it lends them again.
"""


def settle_in() -> None:
    """Make this process fit for moving records; repeatable."""
    sys.setswitchinterval(_SWITCH)
    gc.freeze()
    gc.set_threshold(_YOUNG)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc only
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_MMAP_THRESHOLD, _SINGLE)
        mallopt(_M_ARENA_MAX, _ARENAS)
