"""What people perceive: wording per language, the badge, the spoken notice. Knows no file format."""
