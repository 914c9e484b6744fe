"""Random worlds: weeks of runs on one ledger, while people push, retag, deploy and roll back at any moment."""
