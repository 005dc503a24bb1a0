"""What the console has shown: the frames and marks of the last day, in a file."""
