"""What a step sees of the tapes in it."""
