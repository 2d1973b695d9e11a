"""What people look at: progress on the console, tables, figures, pages."""
