"""What is made of a table: which columns, what they are, the target and the task, the model; each with its reason."""
