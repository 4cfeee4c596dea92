"""The report of a migration: what was compared, how, and what that proves; as one HTML file and as JSON.

`document` says what a report holds and in which words, `charts` lays out the histogram, `html` and its template
put them on a page; `composing` makes the signed document of what the state file says.
"""

from .document import Report, as_json, from_json
from .html import POLICY, render

__all__ = ["POLICY", "Report", "as_json", "from_json", "render"]
