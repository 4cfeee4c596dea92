"""The vendor's own server, dialled: the application's request as it came, once, and whatever is answered.

Nothing is decoded, decompressed, followed or repeated here. What matters is the line between the errors: Unreachable
only when nothing can have left this machine, Unresolved whenever something may have.
"""

from .dialled import DialledUpstream
from .target import Target, Timeouts

__all__ = ["DialledUpstream", "Target", "Timeouts"]
