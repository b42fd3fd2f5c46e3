"""Stories x reader -> mail. What is expensive happens once per edition; per reader only bytes are joined."""
