"""The table of commands from which CLI, REST and MCP are made."""
