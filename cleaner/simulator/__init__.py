"""A DigitalOcean Container Registry in a process, both planes. Shares no type with any other room."""
