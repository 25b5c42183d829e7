"""What a step shows that its author should know: the first NaN, repeats, updates made elsewhere."""
