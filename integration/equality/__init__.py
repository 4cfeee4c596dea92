"""Real queries, asked of a source by its vendor's own client and of the same facade over every kind of target."""
