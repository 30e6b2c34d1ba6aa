"""JSON to tensors and back, by the rules and in the words of TensorFlow Serving."""
