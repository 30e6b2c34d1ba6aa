"""A model server that speaks TensorFlow Serving's REST, and a client for either of them."""
