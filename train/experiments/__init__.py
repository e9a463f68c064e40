"""What is measured with the fittings: the comparison of all systems, the study of the FMN, new categories."""
