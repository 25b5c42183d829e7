"""TensorFlow's tensors: their arrays, sums of gradients, and statistics where they live."""
