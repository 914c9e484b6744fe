"""Who uses which image."""
