"""Which variables a logger knows, what they are called and what they are."""
