"""The copy of what was there before: plan ranges, hand them out, copy them, remember every acknowledged batch."""
