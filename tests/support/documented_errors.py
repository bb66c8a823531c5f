"""Every code that an `error` event may have, whatever a client sends: protocol 6.1, and the limits
of this server that `docs/compatibility.md` lists."""

LIVE_SERVICE = frozenset(
    {
        "cannot_update_voice",
        "conversation_already_has_active_response",
        "decimal_above_max_value",
        "decimal_below_min_value",
        "input_audio_buffer_commit_empty",
        "integer_above_max_value",
        "integer_below_min_value",
        "invalid_event",
        "invalid_json",
        "invalid_parameter",
        "invalid_tool_call_id",
        "invalid_type",
        "invalid_value",
        "item_create_duplicate_item_id",
        "item_create_invalid_previous_item_id",
        "item_delete_invalid_item_id",
        "item_retrieve_invalid_item_id",
        "item_truncate_invalid_item_id",
        "missing_required_parameter",
        "response_cancel_not_active",
        "string_above_max_length",
        "unknown_parameter",
        "unsupported_content_type",
    }
)

OWN = frozenset(
    {
        "mcp_list_tools_failed",
        "object_above_max_properties",
        "too_many_items",
        "too_many_responses",
    }
)

DOCUMENTED = LIVE_SERVICE | OWN
