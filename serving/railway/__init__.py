"""A deployment of one promoted version: image, door and staging."""
