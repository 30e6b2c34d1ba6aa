"""TensorFlow Serving's REST API: routes, requests, and the answers to them."""
