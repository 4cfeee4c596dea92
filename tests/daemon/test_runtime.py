"""Settings of a process, seen from inside one of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = """
import gc, resource, sys, threading
from vectormigrate.daemon.runtime import settle_in

settle_in()
settle_in()
assert sys.getswitchinterval() < 0.001
assert gc.get_threshold()[0] >= 50_000
assert gc.isenabled() and gc.get_freeze_count() > 0

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def use():
    for _ in range(3):
        bytearray(8 * 2**20)

def take_turns():
    together.wait()
    with turn:
        use()
    together.wait()

use()
before = faults()
together, turn = threading.Barrier(8), threading.Lock()
threads = [threading.Thread(target=take_turns) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
use()
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the allocator of Linux' C library is set")
def test_memory_that_was_freed_is_used_again_by_whichever_thread():
    made = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert int(made.stdout) < 8 * 8 * 2**20 / 4096 / 4
