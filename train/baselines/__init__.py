"""The systems that the FMN is compared with, all `TwoTowers`: a file a fitting, and the registry."""
