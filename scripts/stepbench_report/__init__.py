"""What report.py and plot.py share: the trials of several files side by side, verdicts, charts, and the page."""
