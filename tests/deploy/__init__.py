"""What is shipped in `deploy/`, held against the program that it is for."""
