"""The few weighted customers against whom the scores of a version are explained: how they are chosen and measured."""
