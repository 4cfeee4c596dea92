"""The running process: composition, workers, signals, the verbs."""
