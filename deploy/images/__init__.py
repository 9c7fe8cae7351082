"""Images: what each carries, from which lock, how they are built and tried."""
