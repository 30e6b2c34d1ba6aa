"""What has changed among the customers who are asked about, and whether that is a reason to retrain."""
