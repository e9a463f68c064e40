"""What the FMN needs: one change at a time from its defaults, measured on the validation part."""
