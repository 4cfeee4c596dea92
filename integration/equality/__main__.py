"""`python -m integration.equality`: what runs left, into the document of figures and as a table for the docs."""

from .figures import table

if __name__ == "__main__":
    print(table())
