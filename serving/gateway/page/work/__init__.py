"""What is done with a file for the page, in processes of their own, and what these leave in its directory."""
