"""The machinery of the checks, and how what they say looks. What is right for each exercise stands in `course/checks`."""
