"""The batches of Keras `fit`: logged from between them, and, on request, from inside the step."""
