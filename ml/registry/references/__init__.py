"""What a candidate is compared with: what serves, the models found equal to it, the anchor, and earlier looks."""
