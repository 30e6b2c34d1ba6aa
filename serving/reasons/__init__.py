"""Why a customer has her score: exact Shapley values against a version's stored background, and words for them."""
