"""The scenarios, which drive a target and never judge it, and the plugin that runs them."""
