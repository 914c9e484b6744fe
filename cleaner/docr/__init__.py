"""The remote system: the control plane's API and the data plane's manifests."""
