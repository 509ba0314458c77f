"""What each command is called and takes; what it needs is imported when it runs."""
