"""How a retriever is fitted: sampling, losses, loop, checkpoints."""
