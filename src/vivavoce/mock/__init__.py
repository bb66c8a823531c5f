"""The mock: the whole server on scripted engines, for the tests of Realtime clients."""
