"""There and back: 10,000 real records of each store's own kinds go to another store and come home."""
