"""CSV files of customers: the rules that training and scoring share, and the reader for scoring."""
