"""What the exporter tells Prometheus: the metric families, and what is collected for them."""
