"""From accepted customers to a SavedModel: split, preprocessing, network, export, warm-up requests."""
