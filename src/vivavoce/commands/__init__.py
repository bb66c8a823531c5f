"""The commands around the server: clients of it, each in a module that only its command imports."""
