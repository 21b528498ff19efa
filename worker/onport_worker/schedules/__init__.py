"""Running schedules: the beat that says what is due, and the runs, each a process of its own."""
