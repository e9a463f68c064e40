"""The systems that the FMN is compared with, all of them `TwoTowers`: a file says how one is fitted, the registry lists."""
