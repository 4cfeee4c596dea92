"""Taking out of the target exactly what we put in."""
