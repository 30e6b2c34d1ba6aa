"""The customers: their features and schema, where a data set comes from, and how its CSV file is read."""
