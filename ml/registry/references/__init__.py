"""What a candidate is compared with: the version that serves, models found equal to it, the anchor, and earlier looks."""
