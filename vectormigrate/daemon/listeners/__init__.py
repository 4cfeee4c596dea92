"""Sockets for facades: accept, tell HTTP from gRPC, limit, drain. What is answered is the facade's; nothing here dials.

The surprise: a client that hangs up cancels nothing. A write whose request arrived whole is carried to its end, because
what was marked has to be answered by somebody.
"""

from .address import Address
from .application import Application
from .http import TurnedAway, unheard
from .limits import Limits
from .listener import Listener
from .tls import Tls

__all__ = ["Address", "Application", "Limits", "Listener", "Tls", "TurnedAway", "unheard"]
