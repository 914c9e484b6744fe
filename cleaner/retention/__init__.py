"""What a policy keeps and what falls outside it: pure, of values only. No I/O, no clock, no `async`."""
