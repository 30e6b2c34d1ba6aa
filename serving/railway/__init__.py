"""Deploying one promoted version on Railway: the image, its nginx in front, and the staging of the version."""
