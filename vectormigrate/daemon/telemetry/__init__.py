"""What the daemon tells about itself: numbers, events, health. Nothing here changes what a migration does, but for a hook
that forbids a transition.
"""
