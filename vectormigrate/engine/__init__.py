"""What a migration does: backfill, validate, cut over, roll back. Knows no vendor and no transport."""
