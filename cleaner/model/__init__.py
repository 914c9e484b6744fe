"""Frozen values and their unions: what the rooms hand to one another."""
