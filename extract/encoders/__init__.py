"""The encoders: one protocol, one registry, one file a name."""
