"""People are told of a run: the words of it, and the way to them."""
