"""The pages by subject, and the APIs for programs."""
