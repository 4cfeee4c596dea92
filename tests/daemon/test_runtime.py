"""Settings of a process, seen from inside one of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = """
import gc, resource, sys
from vectormigrate.daemon.runtime import settle_in

settle_in()
settle_in()
assert sys.getswitchinterval() < 0.001
assert gc.get_threshold()[0] >= 50_000
assert gc.isenabled() and gc.get_freeze_count() > 0

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

bytes(8 * 2**20)
before = faults()
for _ in range(20):
    bytearray(8 * 2**20)
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the allocator of Linux' C library is set")
def test_memory_that_was_freed_is_used_again():
    made = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert int(made.stdout) < 20 * 8 * 2**20 / 4096 / 4
