"""The configuration: a file into the values that the other rooms work with."""
