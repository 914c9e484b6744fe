"""The process that stays up: the timetable, signals, the pages, the metrics, the log."""
