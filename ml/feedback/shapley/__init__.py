"""Which features move the scores of the customers of each week: mean absolute Shapley values of a sample."""
