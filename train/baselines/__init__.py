"""The systems that the FMN is compared with: each file says how one of them is fitted. All of them are `TwoTowers`."""
