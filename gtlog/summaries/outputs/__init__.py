"""What the layers of a model put out for a fixed batch: seen, measured, written."""
