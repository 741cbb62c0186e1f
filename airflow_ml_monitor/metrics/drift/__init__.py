"""How far the current window is from the reference: distances that describe, with their noise floor."""
