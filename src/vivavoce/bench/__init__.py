"""Measuring a Realtime server from outside: many callers in real time, and what they notice.

A client of the GA dialect, for any server. It knows no other part of Vivavoce than the recorded
speech and the units of audio; `vivavoce bench` is its command, docs/performance.md says what the
figures mean.
"""
