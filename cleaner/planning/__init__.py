"""Order, limits, bytes, the collection's next step: pure, of values only."""
