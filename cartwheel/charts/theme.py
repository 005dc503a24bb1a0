"""The colours of all charts and pages: paper and ink, in a light and a dark theme."""

VARIABLES = """
  --paper: #FBF8F3; --raised: #FFFFFF; --ink: #1D1B19; --quiet: #6A635B; --line: #E6DFD4;
  --accent: #C8401F; --good: #0F6B62; --amber: #9A6700;
"""
DARK_VARIABLES = """
  --paper: #16171A; --raised: #1F2125; --ink: #ECE8E1; --quiet: #A39C92; --line: #33363B;
  --accent: #F2704A; --good: #4FC0B2; --amber: #E0A93B;
"""
THEME = f"""
:root {{ {VARIABLES} color-scheme: light dark; }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK_VARIABLES} }} }}
"""
