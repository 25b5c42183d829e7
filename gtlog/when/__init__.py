"""When a step is logged: its number and the schedule, asked once, before the step runs."""
