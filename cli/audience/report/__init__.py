"""Results → text: terminal tables, Markdown, problems with a caret."""
