"""Registry Cleaner keeps DigitalOcean Container Registries inside a retention policy."""
