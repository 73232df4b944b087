"""The applications of the course: one HTTP contract, on three databases and on one, and the clients that ask them."""
