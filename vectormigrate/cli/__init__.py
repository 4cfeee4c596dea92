"""The words a person types, and what they see."""
