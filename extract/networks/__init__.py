"""The networks: modules and nothing else."""
