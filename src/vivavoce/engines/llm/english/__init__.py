"""What the scripted model can read and say of English: numbers, sums, tools, results."""
