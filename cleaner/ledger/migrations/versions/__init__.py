"""One module for each version of the schema; what is released is not changed any more."""
