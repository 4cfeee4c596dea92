"""Speed as ratios: the whole program against the raw floors of the stores, in one run, on whatever machine this is."""
