"""The ledger's schema, version by version; `cleaner.ledger.schema` runs what is missing at every opening."""
