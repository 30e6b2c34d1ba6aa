"""The door before a model server: it passes TensorFlow Serving's REST API on, checked and traceable."""
