"""What the templates show: texts, formatted values and addresses, made from the models."""
